# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The ground: grass, sidewalks, asphalt and what is painted on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.noise import tileable_noise
from vpr_ros.simulation.streets import Street, StreetPlan
from vpr_ros.simulation.textures import Rgba, RipMap

FloatArray = npt.NDArray[np.float64]

_PX_PER_M: Final = 10.0
_MARGIN_M: Final = 40.0
_SHIFT: Final = 4  # fractional bits of OpenCV's drawing coordinates


@dataclass(frozen=True, eq=False)
class Ground:
    """The ground as a picture seen from above, north up.

    Attributes:
        west_m, north_m: map coordinates of the picture's upper left corner.
        size_m: (2,) its extent to the east and to the south.
        texture: RGB and, as fourth channel, how well snow and leaves hold.
    """

    west_m: float
    north_m: float
    size_m: tuple[float, float]
    texture: RipMap


def plan_bounds(plan: StreetPlan) -> tuple[FloatArray, FloatArray]:
    """Return the south-west and the north-east corner of the ground."""
    return plan.crossings_xy.min(axis=0) - _MARGIN_M, plan.crossings_xy.max(axis=0) + _MARGIN_M


def paint_ground(seed: int, plan: StreetPlan) -> Ground:
    """Paint the ground of a town."""
    rng = np.random.default_rng([seed, 31])
    low, high = plan_bounds(plan)
    width, height = (int(v) for v in np.ceil((high - low) * _PX_PER_M))
    painter = _GroundPainter(np.array([low[0], high[1]]), np.empty((height, width, 4), dtype=np.uint8))
    painter.picture[...] = (84, 92, 62, 255)
    painter.streets(rng, plan)
    painter.wear(rng, plan)
    _grain(rng, painter.picture)
    return Ground(float(low[0]), float(high[1]), (width / _PX_PER_M, height / _PX_PER_M), RipMap(painter.picture))


@dataclass(frozen=True, eq=False)
class _GroundPainter:
    origin_xy: FloatArray
    picture: Rgba

    def _pixels(self, points_xy: FloatArray) -> npt.NDArray[np.int32]:
        offset = (np.atleast_2d(points_xy) - self.origin_xy) * (1.0, -1.0)
        return np.asarray(np.round((offset * _PX_PER_M - 0.5) * 2**_SHIFT), dtype=np.int32)

    def line(self, points_xy: FloatArray, width_m: float, ink: tuple[int, int, int, int]) -> None:
        """Draw a line of a width in metres."""
        thick = max(1, round(width_m * _PX_PER_M))
        cv2.polylines(self.picture, [self._pixels(points_xy)], False, ink, thick, cv2.LINE_AA, _SHIFT)

    def polygon(self, points_xy: FloatArray, ink: tuple[int, int, int, int]) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.picture, [self._pixels(points_xy)], ink, cv2.LINE_AA, _SHIFT)

    def streets(self, rng: np.random.Generator, plan: StreetPlan) -> None:
        """Paint sidewalks first, then roadways over them, then the markings."""
        for street in plan.streets:
            tone = int(rng.integers(118, 165))
            self.line(street.centre(40), 2 * street.half_width_m + 1.0, (tone, tone - 3, tone - 8, 170))
        for street in plan.streets:
            self.line(street.centre(40), street.roadway_m + 0.5, (176, 174, 168, 150))
        for street in plan.streets:
            tone = int(rng.integers(62, 100))
            asphalt = (tone, tone, tone + 3, 90) if street.kind != 3 else (tone + 26, tone + 14, tone + 4, 110)
            self.line(street.centre(40), street.roadway_m, asphalt)
        for street in plan.streets:
            self._markings(rng, street)

    def _markings(self, rng: np.random.Generator, street: Street) -> None:
        steps = street.centre(400)
        along = np.gradient(steps, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        left = np.stack([-along[:, 1], along[:, 0]], axis=1)
        travelled = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(steps, axis=0), axis=1))]
        for side in (-1, 1):  # wheels wear tracks, and melt the snow in them
            for wheel in (-0.75, 0.75):
                track = steps + left * (side * street.roadway_m / 4 + wheel)
                self.line(track, 0.5, (70, 70, 72, 30) if street.kind != 3 else (96, 84, 74, 40))
        white = (214, 214, 208, 60)
        inner = (travelled > 12.0) & (travelled < travelled[-1] - 12.0)
        if street.kind == 1:
            self.line(steps[inner], 0.14, white)
        elif street.kind == 0:
            for start in np.arange(12.0, travelled[-1] - 15.0, 6.0):
                dash = (travelled >= start) & (travelled <= start + 3.0)
                self.line(steps[dash], 0.14, white)
        for end_m in (9.0, travelled[-1] - 9.0):
            if rng.random() < 0.65:
                k = int(np.searchsorted(travelled, end_m))
                self._crossing(street, steps[k], along[k], left[k], white)

    def _crossing(
        self, street: Street, middle: FloatArray, along: FloatArray, left: FloatArray, ink: tuple[int, int, int, int]
    ) -> None:
        for across_m in np.arange(-street.roadway_m / 2 + 0.5, street.roadway_m / 2 - 0.4, 1.0):
            centre = middle + left * (across_m + 0.2)
            self.polygon(np.array([centre + a * along * 1.5 + b * left * 0.25 for a, b in _SQUARE]), ink)

    def wear(self, rng: np.random.Generator, plan: StreetPlan) -> None:
        """Paint patches, manholes and cracks: no stretch of road looks like the next."""
        for street in plan.streets:
            steps = street.centre(60)
            for _ in range(int(rng.integers(8, 20))):
                place = steps[int(rng.integers(60))] + rng.uniform(-0.45, 0.45, 2) * street.roadway_m
                tone = int(rng.integers(45, 125))
                kind = rng.random()
                if kind < 0.4:
                    shape = rng.uniform(0.3, 1.8) * np.array(_SQUARE) * rng.uniform(0.4, 1.0, 2)
                    self.polygon(place + shape + rng.uniform(-0.3, 0.3, (4, 2)), (tone, tone, tone, 80))
                elif kind < 0.65:
                    cv2.circle(
                        self.picture,
                        _whole(self._pixels(place)),
                        4 << _SHIFT,
                        (58, 56, 56, 20),
                        -1,
                        cv2.LINE_AA,
                        _SHIFT,
                    )
                else:
                    crack = place + np.cumsum(rng.uniform(-0.5, 0.5, (12, 2)), axis=0)
                    self.line(crack, 0.1, (46, 46, 48, 70))


_SQUARE: Final = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


def _whole(pixels: npt.NDArray[np.int32]) -> tuple[int, int]:
    return int(pixels[0, 0]), int(pixels[0, 1])


def _grain(rng: np.random.Generator, picture: Rgba) -> None:
    """Multiply two tiles of noise into the picture, strip by strip to save memory."""
    height, width = picture.shape[:2]
    coarse, fine = tileable_noise(rng, 1024, 16, 3), tileable_noise(rng, 512, 128, 2)
    columns = np.arange(width)
    for top in range(0, height, 256):
        rows = np.arange(top, min(height, top + 256))
        tone = 1.0 + 0.09 * coarse[np.ix_(rows % 1024, columns % 1024)] + 0.08 * fine[np.ix_(rows % 512, columns % 512)]
        strip = picture[top : top + 256, :, :3]
        strip[...] = np.clip(strip * tone[..., None], 0, 255)
