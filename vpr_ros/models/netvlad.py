# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""NetVLAD (Arandjelovic et al. 2016; docs/methods.md 2.1)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError

FlattenOrder = Literal["cluster", "dim"]
"""cluster: index k * D + d, as the PyTorch code bases. dim: index d * K + k, as MATLAB and its whitening matrices."""


class NetVLAD(nn.Module):
    """Soft-assigned residuals to trained centres, normalised per cluster and as a whole.

    The state dict holds ``conv.weight`` (K, D, 1, 1), ``conv.bias`` (K,) if any, and ``centroids`` (K, D).

    Args:
        dim: channels D of a token.
        clusters: K.
        bias: False is "v1", what the authors' experiments used; True is "v2", the paper's equation.
        flatten: order of the output, see ``FlattenOrder``.

    Raises:
        ConfigError: no cluster, or an unknown order.
    """

    def __init__(self, dim: int, clusters: int = 64, bias: bool = False, flatten: FlattenOrder = "cluster") -> None:
        super().__init__()
        if dim < 1 or clusters < 1 or flatten not in get_args(FlattenOrder):
            raise ConfigError(
                f"NetVLAD with dim={dim}, clusters={clusters}, flatten={flatten!r}",
                f"dim and clusters must be at least 1, flatten one of {', '.join(get_args(FlattenOrder))}",
            )
        self.dim = dim
        self.clusters = clusters
        self.flatten: FlattenOrder = flatten
        self.out_dim = clusters * dim
        self.conv = nn.Conv2d(dim, clusters, kernel_size=1, bias=bias)
        self.centroids = nn.Parameter(torch.rand(clusters, dim))

    def assign(self, tokens: Tensor) -> Tensor:
        """Unit-length tokens (B, N, D) -> weights (B, N, K) that add up to 1 for each token."""
        return functional.linear(tokens, self.conv.weight.flatten(1), self.conv.bias).softmax(dim=2)

    def forward(self, tokens: Tensor, importance: Tensor | None = None) -> Tensor:
        """(B, N, D), and how much each counts (B, N) if not all alike -> (B, K * D), L2-normalised."""
        tokens = functional.normalize(tokens, dim=2)
        weights = self.assign(tokens)
        if importance is not None:
            weights = weights * importance.unsqueeze(2)
        # sum_i a (x - c) = sum_i a x - (sum_i a) c: the residuals (B, N, K, D) never exist in memory
        mass = weights.sum(dim=1).unsqueeze(2)
        vlad = functional.normalize(weights.transpose(1, 2) @ tokens - mass * self.centroids, dim=2)
        ordered = vlad if self.flatten == "cluster" else vlad.transpose(1, 2)
        return functional.normalize(ordered.flatten(1), dim=1)
