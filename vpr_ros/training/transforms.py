# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How a training image becomes a tensor: the model's own resize, random augmentation, the model's normalisation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import Preprocessing, Resize

CROP_ATTEMPTS = 100

Window = tuple[int, int, int, int]
"""top, left, height, width."""


@dataclass(frozen=True)
class CropRange:
    """Windows as DELG's training cuts them (docs/methods.md 7.4); the window is then resized by area.

    Attributes:
        area: smallest and largest share of the image.
        least_area: windows below are drawn again.
        aspect: narrowest and widest width over height.
    """

    area: tuple[float, float] = (0.08, 1.0)
    least_area: float = 0.1
    aspect: tuple[float, float] = (0.75, 4 / 3)

    def __post_init__(self) -> None:
        """Refuse what draws no window.

        Raises:
            ConfigError: bounds out of order.
        """
        (small, large), (narrow, wide) = self.area, self.aspect
        if not (0 < small <= large <= 1 and self.least_area <= large and 0 < narrow <= wide):
            raise ConfigError(f"{self} holds no window", "Give each range upwards, areas above 0 and at most 1")

    def window(self, height: int, width: int, rng: np.random.Generator) -> Window:
        """Draw a window of an image of this size; the whole image where none fits."""
        for _ in range(CROP_ATTEMPTS):
            aspect = rng.uniform(*self.aspect)
            rows = [round(float(np.sqrt(share * height * width / aspect))) for share in self.area]
            highest = min(rows[1], height, int((width + 0.499) / aspect))
            tall = int(rng.integers(rows[0], highest + 1)) if rows[0] < highest else highest
            broad = round(tall * aspect)
            if 0 < broad <= width and tall > 0 and tall * broad >= self.least_area * height * width:
                top, left = rng.integers(height - tall + 1), rng.integers(width - broad + 1)
                return int(top), int(left), tall, broad
        return 0, 0, height, width

    def cut(self, image_rgb: ImageRgb, rng: np.random.Generator) -> ImageRgb:
        """Cut a window out of (H, W, 3); the whole image where no window fits."""
        top, left, height, width = self.window(image_rgb.shape[0], image_rgb.shape[1], rng)
        return image_rgb[top : top + height, left : left + width]


@dataclass(frozen=True)
class Augmentation:
    """RandAugment (Cubuk et al., 2020). The defaults are those of GSV-Cities and SuperVLAD (docs/methods.md 1.4).

    Attributes:
        operations: random operations per image, 0 for none.
        magnitude: their strength, 0 to 30.
        crop: cut a random window out first; None for the whole image.
    """

    operations: int = 3
    magnitude: int = 9
    crop: CropRange | None = None


Operation = tuple[str, float]
"""RandAugment's name of an operation, and how strong it was."""

_MOVING: Final = frozenset({"ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"})


class _RecordingRandAugment(v2.RandAugment):  # type: ignore[misc]  # torchvision has no type information
    """RandAugment that tells what it drew."""

    def recorded(self, image: Image.Image) -> tuple[Image.Image, tuple[Operation, ...]]:
        """The augmented image and the operations in their order.

        Raises:
            TrainingError: this torchvision applies operations in a way of its own.
        """
        self._drawn: list[Operation] = []
        augmented = self(image)
        if len(self._drawn) != self.num_ops:
            raise TrainingError(
                f"torchvision's RandAugment told of {len(self._drawn)} of its {self.num_ops} operations",
                "Install torchvision 0.19 to 0.29, or train with operations: 0",
            )
        return augmented, tuple(self._drawn)

    def _apply_image_or_video_transform(
        self, image: Any, transform_id: str, magnitude: float, interpolation: Any, fill: Any
    ) -> Any:
        self._drawn.append((transform_id, magnitude))
        return super()._apply_image_or_video_transform(image, transform_id, magnitude, interpolation, fill)


@dataclass(frozen=True)
class Moves:
    """Where the pixels of a training image come from.

    Attributes:
        window: of the image that was cut out and resized.
        operations: what RandAugment did to it then, those that move nothing included.
    """

    window: Window
    operations: tuple[Operation, ...]

    def moved(self, values: npt.NDArray[np.uint8], outside: int) -> npt.NDArray[np.uint8]:
        """Move (height, width) uint8 as the resized image was, to the nearest pixel; *outside* where nothing came."""
        steps = [(name, strength) for name, strength in self.operations if name in _MOVING]
        if not steps:
            return values
        picture = Image.fromarray(values)
        nearest = v2.RandAugment(len(steps), interpolation=InterpolationMode.NEAREST, fill=outside)
        for name, strength in steps:
            picture = nearest._apply_image_or_video_transform(
                picture, name, strength, interpolation=nearest.interpolation, fill=nearest._fill
            )
        return np.array(picture)


class TrainTransform:
    """(H, W, 3) uint8 and a seed to (3, height, width) float32; the same seed gives the same tensor.

    Args:
        preprocessing: of the model.
        augmentation: see ``Augmentation``.
        size_px: height and width where training runs at another size than evaluation. Training always resizes with
            antialiasing, as the published recipes do: windows by area, whole images by Pillow's filter.
    """

    def __init__(
        self, preprocessing: Preprocessing, augmentation: Augmentation, size_px: tuple[int, int] | None = None
    ) -> None:
        height_px, width_px = size_px or (preprocessing.height_px, preprocessing.width_px)
        how: Resize = "area" if augmentation.crop is not None else "bilinear_antialias"
        self.preprocessing = replace(preprocessing, height_px=height_px, width_px=width_px, resize=how)
        self._crop = augmentation.crop
        self._augment = (
            _RecordingRandAugment(
                augmentation.operations, augmentation.magnitude, interpolation=InterpolationMode.BILINEAR
            )
            if augmentation.operations
            else None
        )

    def __call__(self, image_rgb: ImageRgb, seed: int) -> Tensor:
        """Cut, resize, augment, normalise."""
        return self.with_moves(image_rgb, seed)[0]

    def with_moves(self, image_rgb: ImageRgb, seed: int) -> tuple[Tensor, Moves]:
        """The tensor, and where its pixels come from: what else shows the same scene is to be moved alike."""
        top, left, height, width = 0, 0, image_rgb.shape[0], image_rgb.shape[1]
        if self._crop is not None:
            top, left, height, width = self._crop.window(height, width, np.random.default_rng(seed))
            image_rgb = image_rgb[top : top + height, left : left + width]
        small = self.preprocessing.resized(image_rgb)
        operations: tuple[Operation, ...] = ()
        if self._augment is not None:
            # torchvision draws from the global generator: give it ours for the moment, and leave it as it was
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)
                augmented, operations = self._augment.recorded(Image.fromarray(np.ascontiguousarray(small)))
                small = np.asarray(augmented)
        return torch.from_numpy(self.preprocessing.batch([small])[0]), Moves((top, left, height, width), operations)
