# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Several stages of one network, each pooled by itself, as one descriptor (docs/methods.md 9.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.models.gem import generalised_mean


class StageGeM(nn.Module):
    """Generalised mean of every stage, the results side by side, L2-normalised.

    Args:
        dims: channels of each stage.
        p: exponent, one for all stages.
        learn_p: whether it is a parameter.
        eps: smallest value a channel may take; negative channels are lost.
    """

    needs_pyramid = True

    def __init__(self, dims: Sequence[int], p: float = 3.0, learn_p: bool = True, eps: float = 1e-6) -> None:
        super().__init__()
        self.out_dim = sum(dims)
        self.eps = eps
        self.p = nn.Parameter(torch.full((1,), p), requires_grad=learn_p)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Maps (B, channels, rows, columns) -> (B, sum of channels)."""
        pooled = [generalised_mean(stage.flatten(2).transpose(1, 2), self.p, self.eps) for stage in pyramid]
        return functional.normalize(torch.cat(pooled, dim=1), dim=1)
