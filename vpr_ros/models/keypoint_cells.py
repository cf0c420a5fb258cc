# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Keypoints finer than the feature grid, found in cells of 8 x 8 pixels of the image itself.

Each cell says which of its pixels is a keypoint, or that none is (64 + 1 bins, as SuperPoint and XFeat do). It sees
its own pixels only, which is enough for a corner and costs next to nothing beside a backbone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.models.grey import normalised_grey

CELL_PX = 8
SUPPRESSED_PX = 2
"""A keypoint keeps weaker ones this far away from being one, in rows and columns."""


class CellKeypoints(NamedTuple):
    """The best pixel of every cell; N cells, row by row.

    Attributes:
        pixels: (B, N) int64, their numbers in *heat*, row by row.
        scores: (B, N) probability that it is a keypoint; 0 where a stronger one is near.
        heat: (B, 1, H, W) probability of every pixel that lies in a whole cell.
    """

    pixels: Tensor
    scores: Tensor
    heat: Tensor


class KeypointCells(nn.Module):
    """Image to the keypoint of every cell.

    What is gathered here instead of rearranged costs a third of the time: whole images are turned over once only.

    Args:
        width: channels of the layers between pixels and bins.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.bins = nn.Sequential(
            *_layer(1, width, CELL_PX),
            *_layer(width, width),
            *_layer(width, width),
            nn.Conv2d(width, CELL_PX**2 + 1, 1),
        )

    def logits(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 64 + 1, H // 8, W // 8): the pixels of each cell row by row, then "none".

        Pixels beyond the last whole cell are not looked at.
        """
        bins: Tensor = self.bins(normalised_grey(images))
        return bins

    def forward(self, images: Tensor) -> CellKeypoints:
        """(B, 3, H, W) -> the best pixel of each cell."""
        logits = self.logits(images)
        likely = torch.exp(logits - logits.amax(dim=1, keepdim=True))
        in_cells = likely[:, :-1] / likely.sum(dim=1, keepdim=True)
        scores, best = in_cells.max(dim=1)
        heat = functional.pixel_shuffle(in_cells, CELL_PX)
        rows, columns = best.shape[1:]
        row = torch.div(best, CELL_PX, rounding_mode="floor")
        x = CELL_PX * torch.arange(columns, device=best.device) + best - CELL_PX * row
        y = CELL_PX * torch.arange(rows, device=best.device).unsqueeze(1) + row
        pixels = (y * (CELL_PX * columns) + x).flatten(1)
        around = functional.max_pool2d(heat, 2 * SUPPRESSED_PX + 1, 1, SUPPRESSED_PX)
        scores = scores.flatten(1)
        return CellKeypoints(pixels, scores * (scores >= around.flatten(1).gather(1, pixels)), heat)


def positions_px(found: CellKeypoints, chosen: Tensor) -> Tensor:
    """(B, M) numbers of cells -> (B, M, 2) x and y of their keypoints: the mean of the nine pixels around the best."""
    heat = functional.pad(found.heat, (1, 1, 1, 1))
    columns, wide = found.heat.shape[3], heat.shape[3]
    pixels = found.pixels.gather(1, chosen)
    y = torch.div(pixels, columns, rounding_mode="floor")
    x = pixels - columns * y
    side = torch.arange(-1, 2, device=pixels.device)
    near = (side.unsqueeze(1) * wide + side).flatten()
    numbers = ((y + 1) * wide + x + 1).unsqueeze(2) + near
    weights = heat.flatten(1).gather(1, numbers.flatten(1)).unflatten(1, (-1, len(near)))
    total = weights.sum(dim=2).clamp_min(1e-9)
    across = (weights * side.repeat(3)).sum(dim=2) / total
    down = (weights * side.repeat_interleave(3)).sum(dim=2) / total
    return torch.stack([x + across, y + down], dim=2)


def _layer(inputs: int, outputs: int, side_px: int = 1) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, side_px, side_px, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
