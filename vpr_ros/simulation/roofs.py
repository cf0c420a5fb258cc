# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Roofs and the gables in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from vpr_ros.simulation.conditions import Season
from vpr_ros.simulation.facades import house_material
from vpr_ros.simulation.materials import paint_wall, random_colour
from vpr_ros.simulation.noise import fractal_noise
from vpr_ros.simulation.textures import Rgba
from vpr_ros.simulation.windows import paint_window, random_window_style

_PX_PER_M: Final = 20.0
_SNOW: Final = np.array([236, 240, 247], dtype=np.float32)


@dataclass(frozen=True)
class Roof:
    """A sloping roof with dormers and skylights. Satisfies ``Painting``; snow lies on it in winter."""

    seed: int
    part: int
    width_m: float
    slope_m: float
    seasonal: bool = True

    def paint(self, season: Season) -> Rgba:
        """Paint the slope, ridge first."""
        house = np.random.default_rng([self.seed, 3])
        slates = [(132, 66, 50), (84, 84, 92), (110, 74, 58), (70, 66, 64), (96, 104, 92)]
        base = np.array(slates[int(house.integers(len(slates)))]) + house.uniform(-12, 12, 3)
        red, green, blue = (int(v) for v in np.clip(base, 10, 240))
        rng = np.random.default_rng([self.seed, 4, self.part])
        height, width = max(8, round(self.slope_m * _PX_PER_M)), max(8, round(self.width_m * _PX_PER_M))
        roof = paint_wall(rng, height, width, "tiles", (red, green, blue), _PX_PER_M)
        if season is Season.WINTER:
            cover = np.clip(0.9 + 0.3 * fractal_noise(rng, height, width, 30.0, 3), 0.0, 1.0)[..., None]
            roof[..., :3] = roof[..., :3] * (1 - cover) + _SNOW * cover
        style = random_window_style(np.random.default_rng([self.seed, 5]), _PX_PER_M, 2.2, 2.0)
        windows = np.random.default_rng([self.seed, 6, self.part])
        for x in range(20, width - 40, 60):
            if windows.random() < 0.45:
                paint_window(windows, roof, x, max(4, height - style.height - 14), style)
        return roof


@dataclass(frozen=True)
class Gable:
    """The top of a front whose roof runs away from the street; the fourth channel is opacity."""

    seed: int
    width_m: float
    height_m: float
    stepped: bool
    seasonal: bool = False

    def paint(self, season: Season) -> Rgba:
        """Paint the gable and cut it out."""
        del season
        material, colour = house_material(np.random.default_rng([self.seed, 1]))
        rng = np.random.default_rng([self.seed, 7])
        height, width = max(8, round(self.height_m * 30.0)), max(8, round(self.width_m * 30.0))
        gable = paint_wall(rng, height, width, material, colour, 30.0)
        style = random_window_style(rng, 30.0, 2.4, 2.0)
        paint_window(rng, gable, width // 2 - style.width // 2, height - style.height - 20, style)
        shape = np.zeros((height, width), dtype=np.uint8)
        if self.stepped:
            steps = int(rng.integers(3, 6))
            for k in range(steps):
                inset = int(0.5 * width * k / steps)
                top = int(height * (1 - (k + 1) / steps))
                cv2.rectangle(shape, (inset, top), (width - inset - 1, height), 255, -1)
        else:
            corner_xy = np.array([[0, height - 1], [width // 2, 0], [width - 1, height - 1]], dtype=np.int32)
            cv2.fillPoly(shape, [corner_xy], 255)
        edge = cv2.dilate(255 - shape, np.ones((7, 7), np.uint8)) > 0
        gable[edge, :3] = random_colour(rng, (0.0, 0.3), (0.4, 1.0))
        gable[..., 3] = shape
        return gable
