# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Does another session give the descriptors the map was made of? Reduced precision may not, and says nothing."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.model_info import DescriptorArray
from vpr_ros.core.preprocess import Preprocessing

MIN_COSINE = 0.999
"""Below this on any image, half precision is refused: of an engine here, of a file by ``export_model``."""
PROBES = 4
PATCHES = (9, 12)


def probe_batch(preprocessing: Preprocessing) -> npt.NDArray[np.float32]:
    """(4, 3, H, W) float32: images of soft random patches under weak noise, prepared as a camera's would be."""
    return preprocessing.batch([_image(seed, preprocessing) for seed in range(PROBES)])


def lowest_cosine(one: DescriptorArray, other: DescriptorArray) -> float:
    """The least cosine between rows of two (B, D) sets of unit descriptors."""
    return float(np.sum(one * other, axis=1).min())


def _image(seed: int, preprocessing: Preprocessing) -> ImageRgb:
    rng = np.random.default_rng(seed)
    size = (preprocessing.width_px, preprocessing.height_px)
    patches = rng.integers(0, 256, (*PATCHES, 3)).astype(np.uint8)
    image = cv2.resize(patches, size, interpolation=cv2.INTER_CUBIC) + rng.normal(0.0, 4.0, (size[1], size[0], 1))
    return np.clip(image, 0, 255).astype(np.uint8)
