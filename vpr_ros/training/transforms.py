# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How a training image becomes a tensor: the model's own resize, random augmentation, the model's normalisation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import Preprocessing, Resize

CROP_ATTEMPTS = 100


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

    def cut(self, image_rgb: ImageRgb, rng: np.random.Generator) -> ImageRgb:
        """Cut a window out of (H, W, 3); the whole image where no window fits."""
        height, width = image_rgb.shape[:2]
        for _ in range(CROP_ATTEMPTS):
            aspect = rng.uniform(*self.aspect)
            rows = [round(float(np.sqrt(share * height * width / aspect))) for share in self.area]
            highest = min(rows[1], height, int((width + 0.499) / aspect))
            tall = int(rng.integers(rows[0], highest + 1)) if rows[0] < highest else highest
            broad = round(tall * aspect)
            if 0 < broad <= width and tall > 0 and tall * broad >= self.least_area * height * width:
                top, left = rng.integers(height - tall + 1), rng.integers(width - broad + 1)
                return image_rgb[top : top + tall, left : left + broad]
        return image_rgb


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
            v2.RandAugment(augmentation.operations, augmentation.magnitude, interpolation=InterpolationMode.BILINEAR)
            if augmentation.operations
            else None
        )

    def __call__(self, image_rgb: ImageRgb, seed: int) -> Tensor:
        """Cut, resize, augment, normalise."""
        if self._crop is not None:
            image_rgb = self._crop.cut(image_rgb, np.random.default_rng(seed))
        small = self.preprocessing.resized(image_rgb)
        if self._augment is not None:
            # torchvision draws from the global generator: give it ours for the moment, and leave it as it was
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)
                small = np.asarray(self._augment(Image.fromarray(np.ascontiguousarray(small))))
        return torch.from_numpy(self.preprocessing.batch([small])[0])
