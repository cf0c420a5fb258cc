# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Random windows of images at random scales: corners of every sharpness, as cameras and distances make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.training.sequence_images import sequence_files

INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)


def read_images(index: Path, read_image: Callable[[Path], ImageRgb]) -> list[ImageRgb]:
    """Every image of every sequence, in its own size.

    Raises:
        TrainingError: see ``sequence_files``.
    """
    return [read_image(file) for file in sequence_files(index)]


def windows(
    images: Sequence[ImageRgb], size_px: tuple[int, int], scales: tuple[float, float], batch: int, seed: int
) -> Iterator[Tensor]:
    """Endless batches (B, 3, H, W) on the 0..1 scale.

    Args:
        images: of any sizes.
        size_px: height and width of a window.
        scales: how much an image is enlarged at least and at most, where the window does not need more.
        batch: B.
        seed: of everything drawn.

    Raises:
        TrainingError: scales that are none.
    """
    if not 0.0 < scales[0] <= scales[1]:
        raise TrainingError(f"scales {scales}", "Give the smallest and the largest, such as [0.8, 2.2]")
    rng = np.random.default_rng(seed)
    while True:
        drawn = [_window(images[index], size_px, scales, rng) for index in rng.integers(len(images), size=batch)]
        yield torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float() / 255.0


def _window(
    image: ImageRgb, size_px: tuple[int, int], scales: tuple[float, float], rng: np.random.Generator
) -> ImageRgb:
    least = max(wanted / side for wanted, side in zip(size_px, image.shape, strict=False))
    scale = max(least, float(np.exp(rng.uniform(*np.log(scales)))))
    height_px, width_px = (max(w, round(scale * s)) for w, s in zip(size_px, image.shape, strict=False))
    how = cv2.INTER_AREA if scale < 1.0 else INTERPOLATIONS[int(rng.integers(len(INTERPOLATIONS)))]
    scaled = cv2.resize(image, (width_px, height_px), interpolation=how)
    top, left = (int(rng.integers(side - wanted + 1)) for side, wanted in zip(scaled.shape, size_px, strict=False))
    return scaled[top : top + size_px[0], left : left + size_px[1]].astype(np.uint8, copy=False)
