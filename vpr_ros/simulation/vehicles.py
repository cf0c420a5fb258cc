# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Cars: seven boards in the shape of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from vpr_ros.simulation.conditions import Season
from vpr_ros.simulation.labels import Label
from vpr_ros.simulation.materials import Colour, random_colour
from vpr_ros.simulation.surfaces import SurfaceList, Surfaces
from vpr_ros.simulation.textures import Rgba

CAR_PARTS: Final = ("side", "front", "rear", "top", "screen")
CAR_LENGTH_M: Final = 4.2
_WIDTH_M: Final = 1.75
_HEIGHT_M: Final = 1.46
_BONNET_M: Final = 0.95


@dataclass(frozen=True)
class CarPart:
    """One board of a car. Satisfies ``Painting``; the fourth channel is opacity for sides, else light of its own."""

    seed: int
    part: str
    seasonal: bool = True

    def paint(self, season: Season) -> Rgba:
        """Paint one part in the car's colour, or under snow."""
        rng = np.random.default_rng([self.seed, 21])
        if rng.random() < 0.45:
            grey = int(rng.uniform(25, 235))
            body: Colour = (grey, grey, grey)
        else:
            body = random_colour(rng, (0.5, 1.0), (0.25, 0.85))
        snowy = season is Season.WINTER and rng.random() < 0.6
        if self.part == "side":
            return _side(body)
        if self.part in ("front", "rear"):
            return _end(body, self.part == "rear")
        board = np.zeros((24, 24, 4), dtype=np.uint8)
        board[..., :3] = (232, 236, 242) if snowy else ((52, 60, 68) if self.part == "screen" else body)
        return board


def _side(body: Colour) -> Rgba:
    side = np.zeros((64, 176, 4), dtype=np.uint8)
    outline = [(2, 52), (2, 18), (10, 2), (94, 0), (124, 22), (168, 28), (175, 38), (175, 52)]
    cv2.fillPoly(side, [np.array(outline, dtype=np.int32)], (*body, 255))
    for pane in ([(14, 21), (18, 5), (50, 4), (50, 21)], [(55, 21), (55, 4), (90, 5), (112, 21)]):
        cv2.fillPoly(side, [np.array(pane, dtype=np.int32)], (46, 54, 62, 255))
    dark = tuple(int(0.7 * v) for v in body)
    for x in (52, 108):
        cv2.line(side, (x, 23), (x, 49), (*dark, 255), 1)
    cv2.line(side, (2, 50), (175, 50), (30, 30, 32, 255), 4)
    for x in (36, 140):
        cv2.circle(side, (x, 50), 13, (22, 22, 24, 255), -1)
        cv2.circle(side, (x, 50), 7, (140, 142, 146, 255), -1)
    return side


def _end(body: Colour, rear: bool) -> Rgba:
    end = np.zeros((64, 72, 4), dtype=np.uint8)
    end[..., :3] = body
    end[50:, :, :3] = (32, 32, 34)
    lamp = (190, 26, 24, 200) if rear else (240, 238, 220, 255)
    if rear:
        cv2.rectangle(end, (6, 4), (65, 22), (46, 54, 62, 0), -1)
    else:
        cv2.rectangle(end, (16, 22), (55, 44), (30, 32, 34, 0), -1)
    for x in (2, 56):
        cv2.rectangle(end, (x, 27), (x + 13, 36), lamp, -1)
    cv2.rectangle(end, (24, 40), (47, 48), (228, 228, 220, 0), -1)
    return end


def car_model() -> Surfaces:
    """Build a car that stands on the origin, its nose along x; texture k is the k-th of ``CAR_PARTS``."""
    length, width, height, bonnet = CAR_LENGTH_M, _WIDTH_M, _HEIGHT_M, _BONNET_M
    nose, tail, half = length / 2, -length / 2, width / 2
    side, front, rear, top, screen = range(5)
    car = SurfaceList()
    for y in (-half, half):  # the left side shows its back: the same picture, mirrored
        car.add((tail, y, height), (length, 0, 0), (0, 0, -height), side, Label.DYNAMIC, cutout=True, two_sided=True)
    car.add((nose, -half, bonnet), (0, width, 0), (0, 0, 0.2 - bonnet), front, Label.DYNAMIC)
    car.add((tail, half, height), (0, -width, 0), (0, 0, 0.2 - height), rear, Label.DYNAMIC)
    car.add((nose, half, bonnet), (0, -width, 0), (-0.28 * length, 0, 0), top, Label.DYNAMIC)
    car.add((0.05 * length, half, height), (0, -width, 0), (-0.54 * length, 0, 0), top, Label.DYNAMIC)
    car.add((0.05 * length, -half, height), (0, width, 0), (0.17 * length, 0, bonnet - height), screen, Label.DYNAMIC)
    return car.collected()


def board_cross(width_m: float, height_m: float, boards: int, label: Label) -> Surfaces:
    """Build upright boards that cross on the z axis: a tree or a person from every side; texture 0."""
    cross = SurfaceList()
    for angle in np.arange(boards) * np.pi / boards:
        half = 0.5 * width_m * np.array([np.cos(angle), np.sin(angle)])
        cross.add_wall(-half, half, 0.0, height_m, 0, label, cutout=True, two_sided=True)
    return cross.collected()
