# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""NetVLAD's weakly supervised triplet ranking loss (Arandjelovic et al., CVPR 2016; docs/methods.md 2.4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TripletLoss:
    """The loss over T tuples.

    Attributes:
        total: scalar, hinge losses summed over every triplet.
        violating: (T, M) bool, the triplets that carry gradient.
    """

    total: Tensor
    violating: Tensor

    @property
    def normalised(self) -> Tensor:
        """``total`` divided by the number of violating triplets of the batch, as the authors' SGD step does."""
        return self.total / self.violating.sum().clamp(min=1)


def triplet_ranking_loss(
    query: Tensor, positive: Tensor, negatives: Tensor, margin: float = 0.1, valid: Tensor | None = None
) -> TripletLoss:
    """``sum_j max(0, |q - p|^2 + margin - |q - n_j|^2)`` on *squared* distances of unit descriptors.

    Popular ports use plain distances with the same margin, or its square root: another loss (docs/methods.md 2.4).

    Args:
        query: (T, D).
        positive: (T, D), the potential positive nearest to the query in the descriptor cache.
        negatives: (T, M, D).
        margin: in squared-distance units, 0 to 4 on the unit sphere.
        valid: (T, M) bool, False where a tuple has fewer than M negatives.
    """
    # small differences of large sums: never in reduced precision
    with torch.autocast(query.device.type, enabled=False):
        query, positive, negatives = query.float(), positive.float(), negatives.float()
        positive_sq = (query - positive).square().sum(dim=1)
        negative_sq = (query.unsqueeze(1) - negatives).square().sum(dim=2)
        slack = positive_sq.unsqueeze(1) + margin - negative_sq
        violating = slack > 0
        if valid is not None:
            violating = violating & valid
        total = torch.where(violating, slack, 0.0).sum()
    return TripletLoss(total, violating)
