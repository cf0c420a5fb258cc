# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features beside a descriptor: keypoints of the image, described by the feature map a backbone has anyway."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.keypoint_cells import CELL_PX, CellKeypoints, KeypointCells, positions_px


class ChosenFeatures(NamedTuple):
    """M features of each image, best first; what an exported model gives.

    Attributes:
        keypoints_px: (B, M, 2) x and y in pixels of the network's input; centres of pixels are whole numbers.
        descriptors: (B, M, C) of unit length.
        scores: (B, M) not negative, 0 where the image has no more keypoints.
    """

    keypoints_px: Tensor
    descriptors: Tensor
    scores: Tensor


class KeypointHead(nn.Module):
    """Chooses the best M keypoints of an image and describes them.

    Args:
        inner_dim: channels of the backbone's inner map.
        described: the inner map is unit descriptors with a logit of reliability behind them; otherwise both are
            learned from it by one linear layer.
        dim: C of a descriptor; of a map that is described it is inner_dim - 1.
        keypoints: M.
        width: see ``KeypointCells``.

    Raises:
        ConfigError: another *dim* than the map's, or no keypoints, or what is no number of them.
    """

    def __init__(
        self, inner_dim: int, described: bool = False, dim: int = 64, keypoints: int = 400, width: int = 64
    ) -> None:
        super().__init__()
        for name, value in (("dim", dim), ("width", width), ("keypoints", keypoints)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise ConfigError(f"{name}={value!r} of a local head", "Choose a whole number")
        if width < 1:
            raise ConfigError(f"width={width} of a local head", "Choose 1 or more; 64 is usual")
        if keypoints < 1:
            raise ConfigError(f"keypoints={keypoints} of a local head", "Choose 1 or more; 400 fit into 16 kB a frame")
        if described and dim != inner_dim - 1:
            raise ConfigError(
                f"dim={dim} of a local head over a backbone with {inner_dim - 1} numbers", f"Choose {inner_dim - 1}"
            )
        self.dim, self.keypoints = dim, keypoints
        self.cells = KeypointCells(width)
        self.describe: nn.Module = nn.Identity() if described else nn.Conv2d(inner_dim, dim + 1, 1)

    def dense(self, inner: Tensor) -> tuple[Tensor, Tensor]:
        """(B, inner_dim, rows, columns) -> unit descriptors (B, C, rows, columns), logits of reliability without C."""
        described = self.describe(inner)
        return functional.normalize(described[:, :-1], dim=1), described[:, -1]

    def forward(self, images: Tensor, inner: Tensor) -> ChosenFeatures:
        """(B, 3, H, W) and its inner map -> the best M features, or all cells of an image that has fewer."""
        descriptors, judgement = self.dense(inner)
        found: CellKeypoints = self.cells(images)
        reliability = torch.sigmoid(_on_cells(judgement, images)).flatten(1)
        scores, index = (found.scores * reliability).topk(min(self.keypoints, found.scores.shape[1]), dim=1)
        keypoints = positions_px(found, index)
        return ChosenFeatures(keypoints, sampled(descriptors, keypoints, images.shape[2], images.shape[3]), scores)


def sampled(maps: Tensor, keypoints_px: Tensor, height_px: int, width_px: int) -> Tensor:
    """Unit vectors of a map that covers the image, bilinear between its places.

    By gathering, which every runtime can do, where grid_sample is missing in some.

    Args:
        maps: (B, C, rows, columns).
        keypoints_px: (B, M, 2).
        height_px, width_px: of the image.

    Returns:
        (B, M, C).
    """
    channels, rows, columns = maps.shape[1:]
    places = maps.flatten(2).transpose(1, 2)
    x = ((keypoints_px[:, :, 0] + 0.5) * (columns / width_px) - 0.5).clamp(0.0, columns - 1.0)
    y = ((keypoints_px[:, :, 1] + 0.5) * (rows / height_px) - 0.5).clamp(0.0, rows - 1.0)
    left, top = x.floor().clamp_max(max(columns - 2, 0)), y.floor().clamp_max(max(rows - 2, 0))
    across, down = (x - left).unsqueeze(2), (y - top).unsqueeze(2)
    first = (top * columns + left).long()
    right, below = min(1, columns - 1), columns if rows > 1 else 0

    def corner(step: int) -> Tensor:
        return places.gather(1, (first + step).unsqueeze(2).expand(-1, -1, channels))

    upper = torch.lerp(corner(0), corner(right), across)
    lower = torch.lerp(corner(below), corner(below + right), across)
    return functional.normalize(torch.lerp(upper, lower, down), dim=2)


def _on_cells(judgement: Tensor, images: Tensor) -> Tensor:
    """(B, rows, columns) -> the same on the grid of cells."""
    size = images.shape[2] // CELL_PX, images.shape[3] // CELL_PX
    if judgement.shape[1:] == size:
        return judgement
    return functional.interpolate(judgement.unsqueeze(1), size, mode="bilinear", align_corners=False).squeeze(1)
