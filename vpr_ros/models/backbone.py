# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a backbone must be: images in, tokens out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from vpr_ros.core.errors import ModelError


class Backbone(Protocol):
    """An ``nn.Module`` that turns normalised images into tokens.

    Attributes:
        dim: channels D of a token.
    """

    dim: int

    def __call__(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> local tokens (B, N, D), row-major over ``grid(H, W)``."""

    def grid(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of the token grid of an image of this size."""


@runtime_checkable
class HasClassToken(Protocol):
    """A backbone that can also give a class token."""

    def with_class_token(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1 + N, D), class token first."""


@runtime_checkable
class HasStages(Protocol):
    """A backbone with an inner feature map for local features below the last one.

    Attributes:
        inner_dim: channels of the inner map.
        inner_stride_px: pixels between two of its places.
    """

    inner_dim: int
    inner_stride_px: int

    def stages(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> inner map (B, inner_dim, rows, columns) and last map (B, dim, rows, columns)."""


@runtime_checkable
class HasPyramid(Protocol):
    """A backbone with several feature maps that are pooled each by itself.

    Attributes:
        pyramid_dims: channels of each map.
    """

    pyramid_dims: tuple[int, ...]

    def pyramid(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> maps (B, channels, rows, columns), the finest first."""


@runtime_checkable
class HasInnerMap(Protocol):
    """A backbone that gives a feature map for local features in the same pass as its tokens.

    Attributes:
        inner_dim: channels of the inner map.
        inner_is_described: they are a unit descriptor of each place and, behind it, a logit of its reliability.
    """

    inner_dim: int
    inner_is_described: bool

    def with_inner(self, images: Tensor, class_token: bool) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> tokens (B, N, D), or (B, 1 + N, D), and inner map (B, inner_dim, rows, columns)."""


@runtime_checkable
class HasPositionTable(Protocol):
    """A backbone whose position table depends on the size of the image."""

    def bake_positions(self, height_px: int, width_px: int) -> None:
        """Resample the table once, so that no resampling is left in the forward pass of images of this size."""


def check_divisible(height_px: int, width_px: int, patch_px: tuple[int, int]) -> None:
    """Refuse images that do not divide into patches.

    Raises:
        ModelError: with the nearest sizes that do.
    """
    if height_px % patch_px[0] or width_px % patch_px[1]:
        rows, columns = max(1, round(height_px / patch_px[0])), max(1, round(width_px / patch_px[1]))
        raise ModelError(
            f"images of {height_px}x{width_px} (height x width) for patches of {patch_px[0]}x{patch_px[1]} pixels",
            f"Both sides must be multiples of the patch: {rows * patch_px[0]}x{columns * patch_px[1]} is near",
        )
