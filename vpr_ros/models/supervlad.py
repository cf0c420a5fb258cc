# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""SuperVLAD: VLAD without centres, with ghost clusters that take votes and are thrown away (docs/methods.md 1.1)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError


class SuperVLAD(nn.Module):
    """Soft-assign unit-length tokens to clusters, add them up, drop the ghosts, normalise twice (docs/methods.md 1.1).

    The state dict holds ``conv.weight`` (clusters + ghost_clusters, dim, 1, 1), the published name and shape; the
    last ``ghost_clusters`` rows are the ghosts. There is no bias and no temperature.

    Args:
        dim: channels D of a token.
        clusters: K, clusters kept.
        ghost_clusters: G, may be 0.

    Raises:
        ConfigError: no cluster, or a negative number of ghosts.
    """

    def __init__(self, dim: int, clusters: int = 4, ghost_clusters: int = 1) -> None:
        super().__init__()
        if dim < 1 or clusters < 1 or ghost_clusters < 0:
            raise ConfigError(
                f"SuperVLAD with dim={dim}, clusters={clusters}, ghost_clusters={ghost_clusters}",
                "dim and clusters must be at least 1, ghost_clusters at least 0",
            )
        self.dim = dim
        self.clusters = clusters
        self.ghost_clusters = ghost_clusters
        self.out_dim = clusters * dim
        self.conv = nn.Conv2d(dim, clusters + ghost_clusters, kernel_size=1, bias=False)

    def assign(self, tokens: Tensor) -> Tensor:
        """Unit-length tokens (B, N, D) -> weights (B, N, K + G) that add up to 1 for each token."""
        return functional.linear(tokens, self.conv.weight.flatten(1)).softmax(dim=2)

    def forward(self, tokens: Tensor, importance: Tensor | None = None) -> Tensor:
        """(B, N, D), and how much each counts (B, N) if not all alike -> (B, K * D), cluster-major, L2-normalised."""
        tokens = functional.normalize(tokens, dim=2)
        weights = self.assign(tokens)
        if importance is not None:
            weights = weights * importance.unsqueeze(2)
        vlad = weights.transpose(1, 2) @ tokens
        vlad = functional.normalize(vlad[:, : self.clusters], dim=2)
        return functional.normalize(vlad.flatten(1), dim=1)
