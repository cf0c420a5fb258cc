# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one image preprocessing: map building, robot, evaluation and export all call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import ImageRgb

Resize = Literal["area", "bilinear", "bilinear_antialias"]
"""area: OpenCV's box filter (fast, no aliasing). bilinear: no antialiasing, as the published SuperVLAD
evaluation (docs/methods.md 5.4). bilinear_antialias: Pillow's, as torchvision trains."""
Aspect = Literal["stretch", "crop"]
"""stretch: both sides resized on their own. crop: the largest centred window of the target's aspect ratio."""

PILLOW_FILTERS = getattr(Image, "Resampling", Image)
"""The Pillow of Ubuntu 22.04 has its filters in the module itself."""

LARGEST_SIDE_PX = 1 << 14
LARGEST_SHIFT = 1e6

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a network's input. Travels inside the model file.

    Attributes:
        height_px, width_px: size of the network's input.
        resize: interpolation, see ``Resize``.
        aspect: what happens to the aspect ratio, see ``Aspect``.
        mean, std: per channel (RGB) on the 0..1 scale.
    """

    height_px: int
    width_px: int
    resize: Resize = "bilinear_antialias"
    aspect: Aspect = "stretch"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out.

        Raises:
            ModelError: a size, name or scale outside what this software can do.
        """
        wrong = [
            f"{name}={str(value)[:80]}"
            for name, value, right in (
                ("height_px", self.height_px, _is_side(self.height_px)),
                ("width_px", self.width_px, _is_side(self.width_px)),
                ("resize", self.resize, self.resize in get_args(Resize)),
                ("aspect", self.aspect, self.aspect in get_args(Aspect)),
                ("mean", self.mean, _is_per_channel(self.mean)),
                ("std", self.std, _is_per_channel(self.std) and min(self.std) > 0),
            )
            if not right
        ]
        if wrong:
            raise ModelError(
                f"the model asks for a preprocessing this software does not know: {', '.join(wrong)}",
                "Update vpr_ros, or export the model again with this version",
            )

    def resized(self, image_rgb: ImageRgb) -> ImageRgb:
        """Resize (H, W, 3) uint8 to (height_px, width_px, 3) uint8."""
        return self._to_size(image_rgb).astype(np.uint8, copy=False)

    def batch(self, images_rgb: Sequence[ImageRgb]) -> npt.NDArray[np.float32]:
        """Resize and normalise B images of any sizes to (B, 3, height_px, width_px) float32."""
        scale = np.asarray(1.0 / (255.0 * np.asarray(self.std)), dtype=np.float32)
        shift = np.asarray(-np.asarray(self.mean) / np.asarray(self.std), dtype=np.float32)
        # The published evaluation, which is what "bilinear" is for, does not round to grey levels.
        kind = np.float32 if self.resize == "bilinear" else np.uint8
        out = np.empty((len(images_rgb), 3, self.height_px, self.width_px), dtype=np.float32)
        for row, image_rgb in zip(out, images_rgb, strict=True):
            small = self._to_size(image_rgb.astype(kind, copy=False))
            for channel, plane in enumerate(cv2.split(small)):  # plane by plane numpy is twice as fast
                np.multiply(plane, scale[channel], out=row[channel])
                row[channel] += shift[channel]
        return out

    def to_image_px(self, keypoints_px: npt.NDArray[Any], width_px: int, height_px: int) -> npt.NDArray[np.float64]:
        """(M, 2) pixels x, y of the network's input -> (M, 2) pixels of the image, *width_px* by *height_px*.

        Centres of pixels are whole numbers in both. Every way of resizing maps edges to edges, so that a centre lies
        half a pixel from them on both sides. Only OpenCV's "area" where one side grows and the other shrinks, which is
        no box filter then, is off by up to half of what it skips.
        """
        left, top, window_width, window_height = self.window(width_px, height_px)
        scale = np.array([window_width / self.width_px, window_height / self.height_px])
        return np.asarray((np.asarray(keypoints_px, np.float64) + 0.5) * scale - 0.5 + (left, top))

    def window(self, width_px: int, height_px: int) -> tuple[int, int, int, int]:
        """Left, top, width and height of the part of an image of this size that the network gets to see."""
        if self.aspect != "crop":
            return 0, 0, width_px, height_px
        aspect_ratio = self.width_px / self.height_px
        new_width = min(width_px, max(1, round(height_px * aspect_ratio)))
        new_height = min(height_px, max(1, round(width_px / aspect_ratio)))
        return (width_px - new_width) // 2, (height_px - new_height) // 2, new_width, new_height

    def _to_size(self, image_rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Crop and resize (H, W, 3) of either kind to (height_px, width_px, 3) of the same."""
        height, width = image_rgb.shape[:2]
        left, top, width, height = self.window(width, height)
        image_rgb = image_rgb[top : top + height, left : left + width]
        if image_rgb.shape[:2] == (self.height_px, self.width_px):
            return image_rgb
        size = (self.width_px, self.height_px)
        if self.resize == "bilinear_antialias":
            return np.asarray(Image.fromarray(image_rgb).resize(size, PILLOW_FILTERS.BILINEAR))
        shrinks = image_rgb.shape[0] > self.height_px or image_rgb.shape[1] > self.width_px
        how = cv2.INTER_AREA if self.resize == "area" and shrinks else cv2.INTER_LINEAR
        return cv2.resize(image_rgb, size, interpolation=how)


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_SIDE_PX


def _is_per_channel(values: object) -> bool:
    """Whether these are three finite numbers: metadata and manifests come from files that anybody may have written."""
    if not isinstance(values, list | tuple) or len(values) != 3:
        return False
    return all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < LARGEST_SHIFT for v in values)
