# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""VLAD beside the layout of the scene.

VLAD forgets where in the image a feature stood: right for a lateral shift, wrong for telling two neighbouring
viewpoints of one room apart. A coarse grid of reduced features keeps that; training weighs the two.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.models.netvlad import NetVLAD
from vpr_ros.models.supervlad import SuperVLAD


class LayoutVLAD(nn.Module):
    """SuperVLAD (docs/methods.md 1.1) or NetVLAD (docs/methods.md 2.1), and a grid of pooled, reduced local features.

    Args:
        dim: channels D of a local feature.
        clusters: K of either.
        grid: rows and columns of the token grid, rows * columns = N.
        ghost_clusters: of SuperVLAD; None is NetVLAD, which keeps residuals to its centres instead.
        layout_grid: rows and columns the grid is pooled to.
        layout_dim: channels a local feature is reduced to before pooling.
        importance_power: what power of a token's length it counts with; 0 counts all alike. Only for backbones whose
            tokens have a length that means something.
    """

    def __init__(
        self,
        dim: int,
        clusters: int,
        grid: tuple[int, int],
        ghost_clusters: int | None = None,
        layout_grid: tuple[int, int] = (8, 8),
        layout_dim: int = 16,
        importance_power: float = 0.0,
    ) -> None:
        super().__init__()
        self.vlad = NetVLAD(dim, clusters) if ghost_clusters is None else SuperVLAD(dim, clusters, ghost_clusters)
        self.reduce = nn.Linear(dim, layout_dim, bias=False)
        self.layout_share = nn.Parameter(torch.tensor(0.0))
        self.importance_power = importance_power
        self.grid = grid
        self.layout_grid = layout_grid
        self.register_buffer("row_pooling", _pooling(grid[0], layout_grid[0]), persistent=False)
        self.register_buffer("column_pooling", _pooling(grid[1], layout_grid[1]), persistent=False)
        self.out_dim = clusters * dim + layout_grid[0] * layout_grid[1] * layout_dim

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) -> (B, clusters * D + rows * columns * layout_dim), L2-normalised."""
        share = torch.sigmoid(self.layout_share)
        importance = tokens.norm(dim=2) ** self.importance_power if self.importance_power else None
        vlad, layout = self.vlad(tokens, importance), self._layout(tokens)
        return torch.cat((torch.sqrt(1.0 - share) * vlad, torch.sqrt(share) * layout), dim=1)

    def _layout(self, tokens: Tensor) -> Tensor:
        reduced = self.reduce(functional.normalize(tokens, dim=2)).unflatten(1, self.grid)
        reduced = reduced - reduced.mean(dim=(1, 2), keepdim=True)
        # Matrix products instead of adaptive pooling: they export to ONNX for sizes that do not divide.
        pooled = torch.einsum("pr,brcd,qc->bpqd", self.row_pooling, reduced, self.column_pooling)
        return functional.normalize(functional.normalize(pooled, dim=3).flatten(1), dim=1)


def _pooling(cells: int, bins: int) -> Tensor:
    """(bins, cells): row i averages the cells that overlap the i-th of *bins* equal intervals, by their overlap."""
    edges = torch.linspace(0, cells, bins + 1)
    left = torch.arange(cells, dtype=torch.float32)
    overlap = torch.minimum(edges[1:, None], left[None] + 1) - torch.maximum(edges[:-1, None], left[None])
    overlap = overlap.clamp(min=0.0)
    return overlap / overlap.sum(dim=1, keepdim=True)
