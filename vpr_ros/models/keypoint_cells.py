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
        keypoints_px: (B, N, 2) x and y, finer than a pixel.
        scores: (B, N) probability that it is a keypoint; 0 where a stronger one is near.
    """

    keypoints_px: Tensor
    scores: Tensor


class KeypointCells(nn.Module):
    """Image to the keypoint of every cell.

    Args:
        width: channels of the layers between pixels and bins.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        pixels = CELL_PX**2
        self.bins = nn.Sequential(
            *_layer(pixels, width), *_layer(width, width), *_layer(width, width), nn.Conv2d(width, pixels + 1, 1)
        )
        # Sum of the nine probabilities around a pixel, and their first moments across and down.
        side = torch.tensor([-1.0, 0.0, 1.0])
        kernels = torch.stack([torch.ones(3, 3), side.expand(3, 3), side.unsqueeze(1).expand(3, 3)])
        self.moments: Tensor
        self.register_buffer("moments", kernels.unsqueeze(1), persistent=False)

    def logits(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 64 + 1, H // 8, W // 8): the pixels of each cell row by row, then "none".

        Pixels beyond the last whole cell are not looked at.
        """
        grey = normalised_grey(images)
        rows, columns = grey.shape[2] // CELL_PX, grey.shape[3] // CELL_PX
        bins: Tensor = self.bins(functional.pixel_unshuffle(grey[:, :, : rows * CELL_PX, : columns * CELL_PX], CELL_PX))
        return bins

    def forward(self, images: Tensor) -> CellKeypoints:
        """(B, 3, H, W) -> the best pixel of each cell."""
        in_cells = torch.softmax(self.logits(images), dim=1)[:, :-1]
        scores, best = in_cells.max(dim=1, keepdim=True)
        whole = functional.pixel_shuffle(in_cells, CELL_PX)
        strongest = _at(functional.max_pool2d(whole, 2 * SUPPRESSED_PX + 1, 1, SUPPRESSED_PX), best)
        around = functional.conv2d(whole, self.moments, padding=1)
        total, across, down = (_at(around[:, n : n + 1], best) for n in range(3))
        rows, columns = best.shape[2:]
        left = CELL_PX * torch.arange(columns, device=best.device, dtype=scores.dtype)
        top = CELL_PX * torch.arange(rows, device=best.device, dtype=scores.dtype).unsqueeze(1)
        row = torch.div(best, CELL_PX, rounding_mode="floor")
        x = left + (best - CELL_PX * row) + across / total.clamp_min(1e-9)
        y = top + row + down / total.clamp_min(1e-9)
        keypoints = torch.cat([x, y], dim=1).flatten(2).transpose(1, 2)
        return CellKeypoints(keypoints, (scores * (scores >= strongest)).flatten(1))


def _layer(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _at(whole: Tensor, best: Tensor) -> Tensor:
    """(B, 1, H, W) -> (B, 1, H/8, W/8): its value at one pixel of each cell."""
    return functional.pixel_unshuffle(whole, CELL_PX).gather(1, best)
