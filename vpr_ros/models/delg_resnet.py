# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The trunk of DELG: a ResNet whose fourth stage serves local features and whose fifth the global one.

The stride of the last stage is moved to the end of the one before (docs/methods.md 7.1): both maps have stride 32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.timm_backbone import fetched

DEPTHS = (18, 34, 50, 101)
STRIDE_PX = 32
_KERAS_EPS, _KERAS_MOMENTUM = 1e-3, 0.01
"""Keras's momentum of 0.99 is what torch calls 0.01."""


class DelgResNet(nn.Module):
    """Image to an inner and a last feature map, none of them negative.

    Args:
        depth: 18, 34, 50 or 101 layers.
        pretrained: fetch torchvision's ImageNet weights.
        tensorflow: as the authors' network, for weights trained there: asymmetric padding of the first convolution,
            none of the max-pool, strides on the first convolution of a bottleneck, eps 1e-3. Biases before a batch
            norm are not there: one is subtracted from that norm's running mean.
        subsample: False leaves out the subsampling: both maps then have stride 16.

    Raises:
        ConfigError: another depth, or ImageNet weights of torchvision under the authors' padding.
        ModelError: the weights cannot be had.
    """

    def __init__(
        self, depth: int = 50, pretrained: bool = False, tensorflow: bool = False, subsample: bool = True
    ) -> None:
        super().__init__()
        if depth not in DEPTHS:
            raise ConfigError(f"a ResNet of depth {depth}", f"Choose one of {', '.join(map(str, DEPTHS))}")
        if pretrained and tensorflow:
            raise ConfigError(
                "pretrained weights of torchvision under TensorFlow's padding would give shifted features",
                "Set tensorflow to false, or pretrained to false",
            )
        build: Callable[..., Any] = getattr(torchvision.models, f"resnet{depth}")
        self.net = fetched(f"resnet{depth}", lambda: build(weights="IMAGENET1K_V1")) if pretrained else build()
        self.dim = int(self.net.fc.in_features)
        self.inner_dim = self.dim // 2
        self.net.avgpool, self.net.fc = nn.Identity(), nn.Identity()
        self.tensorflow = tensorflow
        self.subsample = subsample
        self.inner_stride_px = STRIDE_PX if subsample else STRIDE_PX // 2
        _set_stride(self.net.layer4[0], 1)
        if tensorflow:
            _as_in_tensorflow(self.net)

    def grid(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of both maps."""
        rows, columns = (self._cells(side) for side in (height_px, width_px))
        return rows, columns

    def stages(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> inner map (B, inner_dim, rows, columns) and last map (B, dim, rows, columns)."""
        net = self.net
        if self.tensorflow:
            images = functional.pad(images, (*_same_padding(images.shape[3]), *_same_padding(images.shape[2])))
        x = net.maxpool(net.relu(net.bn1(net.conv1(images))))
        inner = net.layer3(net.layer2(net.layer1(x)))
        if self.subsample:
            inner = inner[:, :, ::2, ::2]
        return inner, net.layer4(inner)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> tokens (B, N, dim) of the last map."""
        return self.stages(images)[1].flatten(2).transpose(1, 2)

    def _cells(self, side_px: int) -> int:
        side = -(-side_px // 2)
        side = (side - 3) // 2 + 1 if self.tensorflow else -(-side // 2)
        for _ in range(3 if self.subsample else 2):
            side = -(-side // 2)
        return side


def _same_padding(side_px: int) -> tuple[int, int]:
    """TensorFlow's "same" for a kernel of 7 and a stride of 2: what is odd goes behind."""
    total = max((-(-side_px // 2) - 1) * 2 + 7 - side_px, 0)
    return total // 2, total - total // 2


def _set_stride(block: Any, stride: int) -> None:
    conv = block.conv2 if isinstance(block, Bottleneck) else block.conv1
    conv.stride = block.downsample[0].stride = (stride, stride)


def _as_in_tensorflow(net: Any) -> None:
    net.conv1.padding = (0, 0)
    net.maxpool.padding = 0
    for block in (layer[0] for layer in (net.layer2, net.layer3) if isinstance(layer[0], Bottleneck)):
        block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps, module.momentum = _KERAS_EPS, _KERAS_MOMENTUM
