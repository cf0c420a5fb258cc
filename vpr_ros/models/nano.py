# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The backbone of ``vpr_nano``: a small convolutional pyramid that runs at camera rate on two CPU cores.

Grey input, normalised per image; three strides fused at stride 8, as dense local-feature networks do. Each feature
comes with how reliable it is: blank wall, sky and passers-by shall not outvote what stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.grey import normalised_grey

STRIDE_PX = 8


class NanoBackbone(nn.Module):
    """Image to dense local features.

    Args:
        dim: channels D of a local feature.
        width: channels at strides 4, 8, 16 and 32.
    """

    def __init__(self, dim: int = 64, width: Sequence[int] = (32, 64, 128, 160)) -> None:
        super().__init__()
        at4, at8, at16, at32 = width
        self.dim = dim
        self.inner_dim, self.inner_is_described = dim + 1, True
        self.stem = nn.Sequential(
            _Convolution(1, at4 // 2, stride=2), _Convolution(at4 // 2, at4, stride=2), _Residual(at4)
        )
        self.stride8 = nn.Sequential(_Convolution(at4, at8, stride=2), _Residual(at8), _Residual(at8))
        self.stride16 = nn.Sequential(_Convolution(at8, at16, stride=2), _Residual(at16), _Residual(at16))
        self.stride32 = nn.Sequential(_Convolution(at16, at32, stride=2), _Residual(at32))
        self.lateral16 = nn.Conv2d(at16, at8, 1)
        self.lateral32 = nn.Conv2d(at32, at8, 1)
        self.fuse = nn.Sequential(_Convolution(at8, at8), _Convolution(at8, at8))
        self.describe = nn.Conv2d(at8, dim, 1)
        self.judge = nn.Conv2d(at8, 1, 1)

    def grid(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of the feature grid for an input of this size."""
        return -(-height_px // STRIDE_PX), -(-width_px // STRIDE_PX)

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in 0..1 -> unit features (B, D, rows, columns) and logits of reliability (B, rows, columns)."""
        fine = self.stride8(self.stem(normalised_grey(images)))
        middle = self.stride16(fine)
        coarse = self.stride32(middle)
        size = fine.shape[-2:]
        fused = self.fuse(
            fine
            + functional.interpolate(self.lateral16(middle), size, mode="bilinear", align_corners=False)
            + functional.interpolate(self.lateral32(coarse), size, mode="bilinear", align_corners=False)
        )
        return functional.normalize(self.describe(fused), dim=1), self.judge(fused).squeeze(1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) on the 0..1 scale -> tokens (B, N, D), row-major; the length of a token is its reliability."""
        return _tokens(*self.features(images))

    def with_inner(self, images: Tensor, class_token: bool = False) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> tokens (B, N, D); unit features and the logit of their reliability (B, D + 1, rows, columns).

        Raises:
            ConfigError: a class token is asked for.
        """
        if class_token:
            raise ConfigError("a class token of vpr_nano's backbone, which has none", "Choose another aggregation")
        features, judgement = self.features(images)
        return _tokens(features, judgement), torch.cat([features, judgement.unsqueeze(1)], dim=1)


def _tokens(features: Tensor, judgement: Tensor) -> Tensor:
    return (features * torch.sigmoid(judgement).unsqueeze(1)).flatten(2).transpose(1, 2)


class _Convolution(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _Convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)))
