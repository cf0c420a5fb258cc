# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Learned position embeddings at other sizes than they were learned at (docs/methods.md 4.2)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from vpr_ros.core.errors import ConfigError

PositionResampling = Literal["official", "timm"]
"""official: DINOv2's own, scale (n + 0.1) / m without antialiasing. timm: exact size, antialiased."""

OFFICIAL_OFFSET = 0.1


def resample_position_table(
    table: Tensor, old_grid: tuple[int, int], new_grid: tuple[int, int], prefix: int, how: PositionResampling
) -> Tensor:
    """Bicubic resampling of the grid part of a position table.

    Args:
        table: (1, prefix + rows * columns, D), row-major over the grid.
        old_grid, new_grid: rows, columns.
        prefix: rows of the table that belong to no location (class token, registers); left as they are.
        how: see ``PositionResampling``.

    Returns:
        (1, prefix + new rows * new columns, D); the same table when the grids are equal.

    Raises:
        ConfigError: an unknown method.
    """
    if how not in get_args(PositionResampling):
        raise ConfigError(
            f"position table resampling {how!r}", f"Expected one of {', '.join(get_args(PositionResampling))}"
        )
    if tuple(old_grid) == tuple(new_grid):
        return table
    grid = table[:, prefix:].float().reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    if how == "official":
        scale = tuple((new + OFFICIAL_OFFSET) / old for new, old in zip(new_grid, old_grid, strict=True))
        # Tracers turn a scale factor into an input; sizes that floor to new_grid are what the published code gets
        grid = functional.interpolate(grid, scale_factor=scale, mode="bicubic", align_corners=False)
    else:
        grid = functional.interpolate(grid, size=new_grid, mode="bicubic", align_corners=False, antialias=True)
    flat = grid.permute(0, 2, 3, 1).flatten(1, 2).to(table.dtype)
    return torch.cat((table[:, :prefix], flat), dim=1)
