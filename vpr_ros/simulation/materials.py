# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What walls are made of."""

from __future__ import annotations

import cv2
import numpy as np

from vpr_ros.simulation.noise import fractal_noise, value_noise
from vpr_ros.simulation.textures import Rgba

Colour = tuple[int, int, int]

MATERIALS = ("plaster", "brick", "stone", "panel", "boards", "tiles")


def random_colour(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    """Draw an RGB colour of any hue; saturation and value are ranges on 0..1."""
    hsv = np.array([[[rng.uniform(0, 180), 255 * rng.uniform(*saturation), 255 * rng.uniform(*value)]]], dtype=np.uint8)
    red, green, blue = (int(v) for v in cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0])
    return red, green, blue


def wall_colour(rng: np.random.Generator, material: str) -> Colour:
    """Draw the colour a wall of this material has."""
    if material == "brick":
        bricks = [(142, 72, 54), (168, 98, 70), (110, 62, 52), (186, 150, 112), (120, 105, 98), (200, 190, 175)]
        base = np.array(bricks[int(rng.integers(len(bricks)))])
    elif material in ("stone", "panel"):
        base = np.full(3, rng.uniform(105, 205)) + rng.uniform(-14, 14, 3)
    else:
        return _paint_colour(rng)
    red, green, blue = (int(v) for v in np.clip(base + rng.uniform(-14, 14, 3), 20, 245))
    return red, green, blue


def _paint_colour(rng: np.random.Generator) -> Colour:
    """Draw what people paint their houses with: mostly ochre, cream and rose, now and then any other pale colour."""
    if rng.random() < 0.3:
        return random_colour(rng, (0.1, 0.4), (0.5, 0.92))
    hsv = np.array([[[rng.uniform(3, 27), rng.uniform(15, 120), rng.uniform(140, 245)]]], dtype=np.uint8)
    red, green, blue = (int(v) for v in cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0])
    return red, green, blue


def paint_wall(
    rng: np.random.Generator, height_px: int, width_px: int, material: str, colour: Colour, px_per_m: float
) -> Rgba:
    """Paint bare, weathered wall. The fourth channel is 0."""
    wall = np.empty((height_px, width_px, 4), dtype=np.uint8)
    wall[...] = (*colour, 0)
    line = (*(int(v * 0.72) for v in colour), 0)
    if material == "brick":
        _paint_courses(rng, wall, 0.125 * px_per_m * 2, 0.5 * px_per_m, colour, line)
    elif material == "stone":
        _paint_courses(rng, wall, rng.uniform(0.35, 0.6) * px_per_m, rng.uniform(0.7, 1.3) * px_per_m, colour, line)
    elif material == "tiles":
        size = rng.uniform(0.25, 0.5) * px_per_m
        _paint_courses(rng, wall, size, size, colour, line)
    elif material == "panel":
        for x in np.arange(0, width_px, rng.uniform(2.0, 3.6) * px_per_m):
            cv2.line(wall, (int(x), 0), (int(x), height_px), line, 1)
        for y in np.arange(0, height_px, rng.uniform(1.3, 3.2) * px_per_m):
            cv2.line(wall, (0, int(y)), (width_px, int(y)), line, 1)
    elif material == "boards":
        step = max(4, int(rng.uniform(0.16, 0.3) * px_per_m))
        wall[::step, :, :3] = line[:3]
    _weather(rng, wall, px_per_m)
    return wall


def _paint_courses(
    rng: np.random.Generator, wall: Rgba, course_px: float, length_px: float, colour: Colour, line: tuple[int, ...]
) -> None:
    """Lay bricks: every stone its own shade, every second course shifted by half a stone."""
    height, width = wall.shape[:2]
    courses, stones = int(height / course_px) + 1, int(width / length_px) + 2
    shade = rng.normal(1.0, 0.09, (courses, stones)).astype(np.float32)
    row = np.minimum((np.arange(height) / course_px).astype(int), courses - 1)
    shift = np.where(row % 2 == 0, 0.0, 0.5 * length_px)
    column = ((np.arange(width)[None] + shift[:, None]) / length_px).astype(int)
    tone = shade[row[:, None], column]
    wall[..., :3] = np.clip(np.asarray(colour, dtype=np.float32) * tone[..., None], 0, 255)
    wall[np.diff(row, prepend=-1) != 0, :, :3] = line[:3]
    wall[np.diff(column, axis=1, prepend=-1) != 0] = line


def _weather(rng: np.random.Generator, wall: Rgba, px_per_m: float) -> None:
    """Age the wall: blotches, streaks of rain, a dirty foot."""
    height, width = wall.shape[:2]
    tone = 1.0 + 0.07 * fractal_noise(rng, height, width, 1.6 * px_per_m, 3)
    streaks = value_noise(rng, max(2, height // 12), width, max(2.0, 0.25 * px_per_m))
    tone += 0.045 * cv2.resize(streaks, (width, height), interpolation=cv2.INTER_LINEAR)
    tone += np.float32(0.02) * rng.standard_normal((height, width), dtype=np.float32)
    foot = np.linspace(height / px_per_m, 0.0, height, dtype=np.float32)[:, None]
    tone -= 0.18 * np.exp(-foot / 0.35)
    shades = cv2.merge([tone, tone, tone, np.ones_like(tone)])
    wall[...] = cv2.multiply(wall, shades, dtype=cv2.CV_8U)
