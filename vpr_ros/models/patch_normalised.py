# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The patch-normalised image: a small grey picture in which every patch has the same brightness and contrast.

It is what SeqSLAM compares (Milford and Wyeth, ICRA 2012): blind to shadows and exposure, and bound to the viewpoint,
which local features put together without their positions are not. Beside a learned descriptor it tells two neighbouring
viewpoints apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.models.grey import normalised_grey


@dataclass(frozen=True)
class PatchNormalisedConfig:
    """A patch-normalised image beside the descriptor.

    Attributes:
        share: of the picture in the squared length of the descriptor. It has no default: it weighs neighbouring
            viewpoints against other lanes, and every model's recipe says what was chosen for it.
        rows, columns: of the small picture; the input's height and width are multiples of them.
        window: side of the patch around each pixel of the small picture, odd.
        noise_floor: variance added to a patch's, in units of the whole image's: what blank wall is not blown up beyond.

    Raises:
        ConfigError: a value outside its bounds.
    """

    share: float
    rows: int = 24
    columns: int = 32
    window: int = 5
    noise_floor: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what makes no picture."""
        smallest = min(self.rows, self.columns)
        if not (self.window % 2 == 1 and 1 < self.window <= smallest):
            raise ConfigError(
                f"patch_normalised: a window of {self.window} on {self.rows}x{self.columns} pixels",
                f"Expected an odd number from 3 to {smallest}",
            )
        if not (0.0 < self.share < 1.0 and 0.0 < self.noise_floor < math.inf):
            raise ConfigError(
                f"patch_normalised: share {self.share:g}, noise_floor {self.noise_floor:g}",
                "Expected a share between 0 and 1, and a noise_floor above 0",
            )


class PatchNormalised(nn.Module):
    """Image to a unit vector of ``rows * columns`` numbers.

    Args:
        config: see there.
    """

    centre: Tensor
    """(rows * columns,) what such pictures have in common, taken away before they are compared; 0 until fitted."""

    def __init__(self, config: PatchNormalisedConfig) -> None:
        super().__init__()
        self.config = config
        self.out_dim = config.rows * config.columns
        self.register_buffer("centre", torch.zeros(self.out_dim))

    def beside(self, descriptors: Tensor, images: Tensor) -> Tensor:
        """Unit descriptors (B, D) and their images (B, 3, H, W) -> (B, D + rows * columns), unit length."""
        share = self.config.share
        return torch.cat((math.sqrt(1.0 - share) * descriptors, math.sqrt(share) * self(images)), dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, rows * columns), L2-normalised."""
        return functional.normalize(self.pictures(images) - self.centre, dim=1)

    def pictures(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, rows * columns), L2-normalised, not centred.

        Raises:
            ModelError: images that cannot be divided into rows and columns.
        """
        rows, columns, window = self.config.rows, self.config.columns, self.config.window
        height_px, width_px = images.shape[2:]
        if height_px % rows or width_px % columns:
            raise ModelError(
                f"images of {height_px}x{width_px} pixels for a patch-normalised picture of {rows}x{columns}",
                "Choose rows and columns that divide height and width",
            )
        small = functional.avg_pool2d(normalised_grey(images), (height_px // rows, width_px // columns))
        mean = _patch_mean(small, window)
        variance = (_patch_mean(small.square(), window) - mean.square()).clamp(min=0.0)
        return functional.normalize(((small - mean) / torch.sqrt(variance + self.config.noise_floor)).flatten(1), dim=1)

    @torch.no_grad()
    def fit(self, pictures: Tensor) -> None:
        """Take the mean of (n, rows * columns) pictures of training images for what they have in common."""
        self.centre.copy_(pictures.mean(dim=0))


def _patch_mean(pictures: Tensor, window: int) -> Tensor:
    return functional.avg_pool2d(pictures, window, stride=1, padding=window // 2, count_include_pad=False)
