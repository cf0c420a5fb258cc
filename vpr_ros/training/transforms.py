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

from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import Preprocessing


@dataclass(frozen=True)
class Augmentation:
    """RandAugment (Cubuk et al., 2020). The defaults are those of GSV-Cities and SuperVLAD (docs/methods.md 1.4).

    Attributes:
        operations: random operations per image, 0 for none.
        magnitude: their strength, 0 to 30.
    """

    operations: int = 3
    magnitude: int = 9


class TrainTransform:
    """(H, W, 3) uint8 and a seed to (3, height, width) float32; the same seed gives the same tensor.

    Args:
        preprocessing: of the model.
        augmentation: see ``Augmentation``.
        size_px: height and width where training runs at another size than evaluation. Training always resizes with
            antialiasing, as the published recipes do.
    """

    def __init__(
        self, preprocessing: Preprocessing, augmentation: Augmentation, size_px: tuple[int, int] | None = None
    ) -> None:
        height_px, width_px = size_px or (preprocessing.height_px, preprocessing.width_px)
        self.preprocessing = replace(preprocessing, height_px=height_px, width_px=width_px, resize="bilinear_antialias")
        self._augment = (
            v2.RandAugment(augmentation.operations, augmentation.magnitude, interpolation=InterpolationMode.BILINEAR)
            if augmentation.operations
            else None
        )

    def __call__(self, image_rgb: ImageRgb, seed: int) -> Tensor:
        """Resize, augment, normalise."""
        small = self.preprocessing.resized(image_rgb)
        if self._augment is not None:
            # torchvision draws from the global generator: give it ours for the moment, and leave it as it was
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)
                small = np.asarray(self._augment(Image.fromarray(np.ascontiguousarray(small))))
        return torch.from_numpy(self.preprocessing.batch([small])[0])
