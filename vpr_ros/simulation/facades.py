# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The faces of houses. Every one is painted from its own seed, so that no two are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from vpr_ros.simulation.conditions import Season
from vpr_ros.simulation.materials import MATERIALS, Colour, paint_wall, random_colour, wall_colour
from vpr_ros.simulation.signs import paint_emblem, paint_sign
from vpr_ros.simulation.textures import Rgba
from vpr_ros.simulation.windows import paint_door, paint_shop, paint_window, random_window_style

PX_PER_M: Final = 30.0


@dataclass(frozen=True)
class Facade:
    """One wall with windows, seen from the street. Satisfies ``Painting``; the fourth channel is light of its own.

    Attributes:
        seed: of the house; walls of one house share material and colour.
        wall: which wall of the house; differs in everything else.
        width_m: of the wall.
        ground_floor_m, storey_m, storeys: as of the house.
        plain: a side or back wall: few windows, no shops.
    """

    seed: int
    wall: int
    width_m: float
    ground_floor_m: float
    storey_m: float
    storeys: int
    plain: bool = False
    seasonal: bool = False

    @property
    def height_m(self) -> float:
        """Height of the wall."""
        return self.ground_floor_m + self.storeys * self.storey_m + 0.5

    def paint(self, season: Season) -> Rgba:
        """Paint the wall; the season does not show on it."""
        del season
        house = np.random.default_rng([self.seed, 1])
        material, colour = house_material(house)
        rng = np.random.default_rng([self.seed, 2, self.wall])
        height, width = max(8, round(self.height_m * PX_PER_M)), max(8, round(self.width_m * PX_PER_M))
        wall = paint_wall(rng, height, width, material, colour, PX_PER_M)
        if self.plain:
            self._paint_plain(rng, wall)
        else:
            self._paint_front(rng, wall, colour)
        return wall

    def _row_bottom(self, wall: Rgba, storey: int) -> int:
        return wall.shape[0] - round((self.ground_floor_m + storey * self.storey_m) * PX_PER_M)

    def _paint_front(self, rng: np.random.Generator, wall: Rgba, colour: Colour) -> None:
        spacing_m = rng.uniform(1.5, 3.2)
        columns = max(1, round((self.width_m - 0.6) / spacing_m))
        spacing_m = (self.width_m - 0.6) / columns
        self._paint_bands(rng, wall, colour, columns, spacing_m)
        style = random_window_style(rng, PX_PER_M, self.storey_m, spacing_m)
        other = random_window_style(rng, PX_PER_M, self.storey_m, spacing_m)
        odd_column = int(rng.integers(columns)) if rng.random() < 0.5 else -1
        odd_row = int(rng.integers(self.storeys + 1)) if rng.random() < 0.4 else -1
        for storey in range(self.storeys):
            sill = self._row_bottom(wall, storey) - round(0.22 * self.storey_m * PX_PER_M)
            for column in range(columns):
                if rng.random() < 0.04:
                    continue  # walled up long ago
                chosen = other if (column == odd_column or storey == odd_row) else style
                centre = round((0.3 + (column + 0.5) * spacing_m) * PX_PER_M)
                paint_window(rng, wall, centre - chosen.width // 2, sill - chosen.height, chosen)
        self._paint_balconies(rng, wall, columns, spacing_m)
        self._paint_ground_floor(rng, wall, colour, columns, spacing_m)
        self._paint_extras(rng, wall)

    def _paint_bands(
        self, rng: np.random.Generator, wall: Rgba, colour: Colour, columns: int, spacing_m: float
    ) -> None:
        """Paint what divides the wall: courses between storeys, pilasters, corner stones, the cornice."""
        trim = random_colour(rng, (0.0, 0.35), (0.45, 1.0))
        width = wall.shape[1]
        if rng.random() < 0.55:
            thick = int(rng.integers(3, 9))
            for storey in range(self.storeys):
                y = self._row_bottom(wall, storey)
                cv2.rectangle(wall, (0, y - thick), (width, y), (*trim, 0), -1)
                cv2.line(wall, (0, y + 1), (width, y + 1), (*(int(0.6 * v) for v in colour), 0), 1)
        if rng.random() < 0.25:
            for column in range(columns + 1):
                x = round((0.3 + column * spacing_m) * PX_PER_M)
                cv2.rectangle(wall, (x - 4, 0), (x + 4, wall.shape[0]), (*trim, 0), -1)
        elif rng.random() < 0.35:
            for k, y in enumerate(range(0, wall.shape[0], 14)):
                reach = 10 if k % 2 else 18
                cv2.rectangle(wall, (0, y), (reach, y + 12), (*trim, 0), -1)
                cv2.rectangle(wall, (width - reach, y), (width, y + 12), (*trim, 0), -1)
        top = int(rng.integers(6, 18))
        cv2.rectangle(wall, (0, 0), (width, top), (*trim, 0), -1)
        cv2.rectangle(wall, (0, top), (width, top + 3), (*(int(0.5 * v) for v in trim), 0), -1)
        if rng.random() < 0.4:
            for x in range(0, width, int(rng.integers(9, 26))):
                cv2.rectangle(wall, (x, top), (x + 4, top + 7), (*trim, 0), -1)

    def _paint_balconies(self, rng: np.random.Generator, wall: Rgba, columns: int, spacing_m: float) -> None:
        if rng.random() > 0.4:
            return
        rail = random_colour(rng, (0.0, 0.6), (0.1, 0.5))
        chosen = rng.random(columns) < rng.uniform(0.2, 0.8)
        for storey in range(self.storeys):
            floor = self._row_bottom(wall, storey) - 4
            for column in np.flatnonzero(chosen):
                x0 = round((0.3 + (column + 0.04) * spacing_m) * PX_PER_M)
                x1 = round((0.3 + (column + 0.96) * spacing_m) * PX_PER_M)
                top = floor - round(0.95 * PX_PER_M)
                for x in range(x0, x1, 5):
                    cv2.line(wall, (x, top), (x, floor), (*rail, 0), 1)
                cv2.rectangle(wall, (x0, top), (x1, top + 2), (*rail, 0), -1)
                cv2.rectangle(wall, (x0 - 2, floor), (x1 + 2, floor + 5), (150, 148, 144, 0), -1)
                cv2.rectangle(wall, (x0 - 2, floor + 6), (x1 + 2, floor + 10), (62, 60, 58, 0), -1)

    def _paint_ground_floor(
        self, rng: np.random.Generator, wall: Rgba, colour: Colour, columns: int, spacing_m: float
    ) -> None:
        height, width = round(self.ground_floor_m * PX_PER_M), wall.shape[1]
        if rng.random() < 0.5:  # another material at the foot
            material = str(rng.choice(MATERIALS))
            foot = paint_wall(rng, height - 6, width, material, wall_colour(rng, material), PX_PER_M)
            wall[wall.shape[0] - height + 6 :] = foot[: height - 6]
        if rng.random() < 0.55 and width > 4 * PX_PER_M:
            left, right = int(rng.uniform(0.02, 0.2) * width), int(rng.uniform(0.75, 0.98) * width)
            if rng.random() < 0.35 and width > 9 * PX_PER_M:
                middle = int(rng.uniform(0.4, 0.6) * width)
                paint_shop(rng, wall, left, middle - 6, height - 12, PX_PER_M)
                left = middle + 6
            paint_shop(rng, wall, left, right, height - int(rng.integers(8, 24)), PX_PER_M)
            return
        style = random_window_style(rng, PX_PER_M, self.ground_floor_m, spacing_m)
        door_column = int(rng.integers(columns))
        for column in range(columns):
            centre = round((0.3 + (column + 0.5) * spacing_m) * PX_PER_M)
            if column == door_column:
                door = round(PX_PER_M * rng.uniform(0.9, min(2.8, spacing_m)))
                paint_door(rng, wall, max(5, centre - door // 2), door, round(rng.uniform(2.0, 2.6) * PX_PER_M))
            else:
                bottom = wall.shape[0] - round(0.9 * PX_PER_M)
                paint_window(rng, wall, centre - style.width // 2, bottom - style.height, style)

    def _paint_extras(self, rng: np.random.Generator, wall: Rgba) -> None:
        """Paint what collects on a wall in the course of years: drainpipes, boxes, scribbles, posters."""
        height, width = wall.shape[:2]
        if rng.random() < 0.5:
            x = 5 if rng.random() < 0.5 else width - 8
            cv2.rectangle(wall, (x, 0), (x + 3, height), (96, 98, 96, 0), -1)
        for _ in range(int(rng.integers(0, 4))):
            x, y = int(rng.integers(width)), int(rng.integers(height - int(2.2 * PX_PER_M), height - 20))
            if rng.random() < 0.5:
                poster = paint_sign(rng, 34, 24, 0)
                target = wall[y : y + 34, x : x + 24]
                target[...] = poster[: target.shape[0], : target.shape[1]]
            else:
                ink = random_colour(rng, (0.4, 1.0), (0.2, 0.9))
                steps = np.cumsum(rng.integers(-14, 18, (int(rng.integers(4, 12)), 2)), axis=0) + np.array([x, y])
                cv2.polylines(wall, [steps.astype(np.int32)], False, (*ink, 0), 2, cv2.LINE_AA)

    def _paint_plain(self, rng: np.random.Generator, wall: Rgba) -> None:
        height, width = wall.shape[:2]
        if rng.random() < 0.3 and min(height, width) > 6 * PX_PER_M:  # an advertisement, painted long ago
            rows, columns = int(height * rng.uniform(0.25, 0.5)), int(width * rng.uniform(0.5, 0.85))
            top, left = int(rng.uniform(0.1, 0.4) * height), int(rng.uniform(0.05, 0.15) * width)
            target = wall[top : top + rows, left : left + columns]
            advert = paint_sign(rng, rows // 2, columns, 0)
            advert = np.concatenate([advert, paint_sign(rng, rows - rows // 2, columns, 0)])
            paint_emblem(rng, advert, (*random_colour(rng, (0.3, 1.0), (0.3, 1.0)), 0))
            target[...] = cv2.addWeighted(target, 0.4, advert, 0.6, 0)
        style = random_window_style(rng, PX_PER_M, self.storey_m, 2.0)
        for storey in range(self.storeys):
            for x_m in np.arange(0.8, self.width_m - 1.6, 2.6):
                if rng.random() < 0.3:
                    y = self._row_bottom(wall, storey) - round(0.3 * self.storey_m * PX_PER_M) - style.height
                    paint_window(rng, wall, int(x_m * PX_PER_M), y, style)


def house_material(rng: np.random.Generator) -> tuple[str, Colour]:
    """Draw what a house is made of; the first draws from the generator of its seed."""
    material = str(rng.choice(MATERIALS, p=[0.4, 0.25, 0.12, 0.1, 0.06, 0.07]))
    return material, wall_colour(rng, material)
