# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Shadows of houses: up to which height each place of the town lies in shadow."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt


def shadow_heights_m(
    heights_m: npt.NDArray[np.float32], cell_m: float, azimuth_rad: float, elevation_rad: float
) -> npt.NDArray[np.float32]:
    """Compute up to which height each cell lies in shadow.

    A house of height h throws its shadow to height ``h - d tan(elevation)`` at distance d from it; the answer is the
    largest of these over all houses towards the sun, found by walking towards it cell by cell.

    Args:
        heights_m: (H, W) how high the houses are, seen from above, north up.
        cell_m: size of a cell.
        azimuth_rad, elevation_rad: of the sun; azimuth from east to north.

    Returns:
        (H, W) heights in metres.
    """
    drop_m = math.tan(elevation_rad) * cell_m
    steps = int(min(float(heights_m.max()) / drop_m, 160.0))
    size = (heights_m.shape[1], heights_m.shape[0])
    shadow = np.zeros_like(heights_m)
    for step in range(1, steps, 1 if steps < 60 else 2):
        move = np.array([[1.0, 0.0, step * math.cos(azimuth_rad)], [0.0, 1.0, -step * math.sin(azimuth_rad)]])
        moved = cv2.warpAffine(heights_m, move, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        np.maximum(shadow, moved - np.float32(step * drop_m), out=shadow)
    return shadow
