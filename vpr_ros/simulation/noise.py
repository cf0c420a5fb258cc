# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Value noise: the irregularity of plaster, asphalt, clouds and snow."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt


def value_noise(rng: np.random.Generator, height: int, width: int, cell_px: float) -> npt.NDArray[np.float32]:
    """Draw smooth noise, about uniform in [-1, 1], with features of *cell_px* pixels."""
    rows, columns = int(height / cell_px) + 3, int(width / cell_px) + 3
    grid = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    grown = cv2.resize(grid, (int(columns * cell_px) + 1, int(rows * cell_px) + 1), interpolation=cv2.INTER_CUBIC)
    return grown[:height, :width].astype(np.float32, copy=False)


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, cell_px: float, octaves: int = 3
) -> npt.NDArray[np.float32]:
    """Add octaves of value noise, each half as large and half as strong."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        total += value_noise(rng, height, width, max(1.0, cell_px / 2**octave)) * np.float32(0.5**octave)
    return total


def tileable_noise(rng: np.random.Generator, size_px: int, cells: int, octaves: int) -> npt.NDArray[np.float32]:
    """Draw (size_px, size_px) noise in about [-1.5, 1.5] that repeats without a seam; *cells* must divide *size_px*."""
    total = np.zeros((size_px, size_px), dtype=np.float32)
    for octave in range(octaves):
        count = cells * 2**octave
        cell_px = size_px // count
        grid = rng.uniform(-1.0, 1.0, (count, count)).astype(np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        grown = cv2.resize(wrapped, None, fx=cell_px, fy=cell_px, interpolation=cv2.INTER_CUBIC)
        total += grown[2 * cell_px : 2 * cell_px + size_px, 2 * cell_px : 2 * cell_px + size_px] * np.float32(
            0.5**octave
        )
    return total
