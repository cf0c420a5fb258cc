# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""MobileNetV2 with its three last strides, the trunk of both branches of StructVPR (docs/methods.md 9.1)."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.timm_backbone import fetched

STRIDE_PX = 32
WIDTHS = {1.0: "mobilenetv2_100", 0.5: "mobilenetv2_050", 0.35: "mobilenetv2_035"}
_AT_8_16_32 = (2, 3, 4)


class MobileNetStages(nn.Module):
    """Image, or weighted one-hot label map, to the maps at strides 8, 16 and 32.

    Args:
        width: 1.0, 0.5 or 0.35; 1.0 has 32, 96 and 320 channels.
        in_channels: 3 for RGB, G for a label map of G groups.
        pretrained: fetch ImageNet weights; every channel of a label map starts with the mean of the RGB filters.

    Raises:
        ConfigError: another width, or no channels.
        ModelError: the weights cannot be had.
    """

    def __init__(self, width: float = 1.0, in_channels: int = 3, pretrained: bool = False) -> None:
        super().__init__()
        if width not in WIDTHS or in_channels < 1:
            raise ConfigError(
                f"a MobileNetV2 of width {width} over {in_channels} channels",
                f"Choose one of {', '.join(map(str, WIDTHS))}, and at least one channel",
            )
        self.net = _created(WIDTHS[width], in_channels, pretrained)
        self.pyramid_dims: tuple[int, ...] = tuple(self.net.feature_info.channels())
        self.dim = self.pyramid_dims[-1]
        self.in_channels = in_channels

    def grid(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of the last map."""
        return -(-height_px // STRIDE_PX), -(-width_px // STRIDE_PX)

    def pyramid(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> three maps (B, channels, rows, columns), the finest first."""
        return tuple(self.net(images))

    def forward(self, images: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> tokens (B, N, dim) of the last map."""
        return self.pyramid(images)[-1].flatten(2).transpose(1, 2)


def _created(name: str, in_channels: int, pretrained: bool) -> Any:
    def create(channels: int) -> Any:
        return timm.create_model(
            name, pretrained=pretrained, features_only=True, out_indices=_AT_8_16_32, in_chans=channels
        )

    if not pretrained:
        return create(in_channels)
    net = fetched(name, lambda: create(3))
    if in_channels != 3:
        net.conv_stem = over_channels(net.conv_stem, in_channels)
    return net


def over_channels(convolution: nn.Conv2d, channels: int) -> nn.Conv2d:
    """The same convolution without bias over *channels* inputs, each with the mean of the old filters."""
    other = nn.Conv2d(
        channels,
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type]  # always a pair
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
        bias=False,
    )
    with torch.no_grad():
        other.weight.copy_(convolution.weight.mean(dim=1, keepdim=True).expand_as(other.weight))
    return other
