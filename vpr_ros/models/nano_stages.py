# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The stages of ``vpr_nano`` without what fuses them: a trunk small enough to study DELG on two CPU cores."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vpr_ros.models.grey import normalised_grey
from vpr_ros.models.nano import NanoBackbone

INNER_STRIDE_PX, STRIDE_PX = 16, 32


class NanoStages(nn.Module):
    """Image to the maps at stride 16 and 32, none of them negative. Weights have the names they have in ``vpr_nano``.

    Args:
        width: channels at strides 4, 8, 16 and 32.
    """

    def __init__(self, width: Sequence[int] = (32, 64, 128, 160)) -> None:
        super().__init__()
        whole = NanoBackbone(width=width)
        self.stem, self.stride8, self.stride16, self.stride32 = (
            whole.stem,
            whole.stride8,
            whole.stride16,
            whole.stride32,
        )
        self.inner_dim, self.dim = width[2], width[3]
        self.inner_stride_px = INNER_STRIDE_PX

    def grid(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of the last map."""
        return -(-height_px // STRIDE_PX), -(-width_px // STRIDE_PX)

    def stages(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in 0..1 -> (B, inner_dim, H/16, W/16) and (B, dim, H/32, W/32)."""
        inner = self.stride16(self.stride8(self.stem(normalised_grey(images))))
        return inner, self.stride32(inner)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> tokens (B, N, dim) of the last map."""
        return self.stages(images)[1].flatten(2).transpose(1, 2)
