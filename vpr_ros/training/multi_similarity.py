# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Multi-similarity loss with its miner: the metric-learning objective of SuperVLAD (docs/methods.md 1.4, 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss as PairLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner
from torch import Tensor, nn


@dataclass(frozen=True)
class MinedPairs:
    """Indices into the batch, each (M,) int64: anchors and their positives, anchors and their negatives."""

    positive_anchor: Tensor
    positive: Tensor
    negative_anchor: Tensor
    negative: Tensor


class MultiSimilarity(nn.Module):
    """Multi-similarity loss (Wang et al., CVPR 2019) on the pairs its miner keeps.

    For unit descriptors with similarity S and n anchors::

        L = 1/n sum_i [ 1/alpha log(1 + sum_p exp(-alpha (S_ip - base)))
                      + 1/beta log(1 + sum_n exp(beta (S_in - base))) ]

    The mean runs over every anchor, those with nothing mined add zero. The defaults are those of GSV-Cities and
    SuperVLAD, not those of the paper (alpha 2, base 0.5).

    Args:
        alpha: weight of the positive exponent.
        beta: weight of the negative exponent.
        base: similarity around which pairs are weighed.
        epsilon: margin of the miner; None uses every pair.
    """

    def __init__(self, alpha: float = 1.0, beta: float = 50.0, base: float = 0.0, epsilon: float | None = 0.1) -> None:
        super().__init__()
        self.loss = PairLoss(alpha=alpha, beta=beta, base=base)
        self.miner = None if epsilon is None else MultiSimilarityMiner(epsilon=epsilon)

    def mine(self, descriptors: Tensor, labels: Tensor) -> MinedPairs | None:
        """Keep the informative pairs of (B, D) descriptors with (B,) labels; None where no miner is used."""
        if self.miner is None:
            return None
        return MinedPairs(*self.miner(descriptors.detach().float(), labels))

    def forward(self, descriptors: Tensor, labels: Tensor, pairs: MinedPairs | None = None) -> Tensor:
        """Return the scalar loss.

        Args:
            descriptors: (B, D), rows of unit length.
            labels: (B,) int64 place ids.
            pairs: what ``mine`` kept; mined here where not given.
        """
        # exp(50 S) overflows float16, so the loss never runs in reduced precision
        with torch.autocast(descriptors.device.type, enabled=False):
            pairs = self.mine(descriptors, labels) if pairs is None else pairs
            indices = (
                None
                if pairs is None
                else (pairs.positive_anchor, pairs.positive, pairs.negative_anchor, pairs.negative)
            )
            loss: Tensor = self.loss(descriptors.float(), labels, indices)
        return loss
