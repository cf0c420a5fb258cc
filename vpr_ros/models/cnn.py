# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Convolutional networks: one stage's feature map, location by location, as tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vpr_ros.models.eval_mode import eval_mode

VGG16_DIM = 512


class CnnBackbone(nn.Module):
    """Tokens of a network that ends in a feature map.

    Args:
        net: (B, 3, H, W) -> (B, D, rows, columns), or a list of such maps of which the last counts.
        dim: D.
        channels_last: whether the map is (B, rows, columns, D), as with Swin.
    """

    def __init__(self, net: nn.Module, dim: int, channels_last: bool = False) -> None:
        super().__init__()
        self.net = net
        self.dim = dim
        self.channels_last = channels_last

    def grid(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of the token grid, found by running the network on an empty image."""
        parameter = next(self.net.parameters())
        probe = torch.zeros(1, 3, height_px, width_px, device=parameter.device, dtype=parameter.dtype)
        with eval_mode(self), torch.no_grad():  # batch norms must not learn from the probe
            feature_map = self._feature_map(probe)
        return int(feature_map.shape[2]), int(feature_map.shape[3])

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> tokens (B, N, D)."""
        return self._feature_map(images).flatten(2).transpose(1, 2)

    def _feature_map(self, images: Tensor) -> Tensor:
        result: Any = self.net(images)
        feature_map: Tensor = result[-1] if isinstance(result, list | tuple) else result
        return feature_map.permute(0, 3, 1, 2) if self.channels_last else feature_map
