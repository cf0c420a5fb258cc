# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Mild changes of light and viewpoint, so that a map can ask itself about images it has not seen."""

from __future__ import annotations

import cv2
import numpy as np

from vpr_ros.core.frames import ImageRgb

MAX_GAIN = 0.35
MAX_SHIFT = 25.0
MAX_GAMMA = 0.35
MAX_TURN_DEG = 5.0
MAX_CROP = 0.2
MAX_NOISE = 6.0  # grey levels, where a pixel of the network's input averages several of the camera's


def augmented(image_rgb: ImageRgb, rng: np.random.Generator) -> ImageRgb:
    """Another image of the same place: (H, W, 3) uint8 -> the same size, light, viewpoint and noise changed."""
    moved = _moved(image_rgb, rng)
    levels = np.arange(256) / 255.0
    gamma = np.exp(rng.uniform(-MAX_GAMMA, MAX_GAMMA))
    gain = np.exp(rng.uniform(-MAX_GAIN, MAX_GAIN))
    table = 255.0 * gain * levels**gamma + rng.uniform(-MAX_SHIFT, MAX_SHIFT)
    lit = cv2.LUT(moved, np.clip(table, 0, 255).astype(np.uint8))
    if rng.random() < 0.5:
        lit = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.5, 0.003 * image_rgb.shape[1] + 0.6))
    noise = np.float32(rng.uniform(0.0, MAX_NOISE)) * rng.standard_normal(image_rgb.shape[:2], np.float32)
    return np.clip(lit + noise[..., None], 0, 255).astype(np.uint8)


def _moved(image_rgb: ImageRgb, rng: np.random.Generator) -> ImageRgb:
    """Turn about the centre, then look at a window of it: a camera that stands a little elsewhere."""
    height, width = image_rgb.shape[:2]
    scale = 1.0 / (1.0 - rng.uniform(0.0, MAX_CROP))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-MAX_TURN_DEG, MAX_TURN_DEG), scale)
    shift_px = rng.uniform(-1.0, 1.0, 2) * (scale - 1.0) / 2 * (width, height)
    matrix = matrix + np.column_stack([np.zeros((2, 2)), shift_px])
    moved = cv2.warpAffine(image_rgb, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return moved.astype(np.uint8, copy=False)
