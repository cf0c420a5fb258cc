# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From the plan of a house to its walls, roof and signs."""

from __future__ import annotations

import numpy as np

from vpr_ros.simulation.facades import Facade
from vpr_ros.simulation.houses import House
from vpr_ros.simulation.labels import Label
from vpr_ros.simulation.roofs import Gable, Roof
from vpr_ros.simulation.sprites import Panel
from vpr_ros.simulation.surfaces import FloatArray, SurfaceList
from vpr_ros.simulation.textures import Painting


def raise_house(house: House, walls: SurfaceList, paintings: list[Painting]) -> None:
    """Append a house's surfaces, and what is painted on them."""
    for k in range(4):
        left, right = house.plan_xy[k], house.plan_xy[(k + 1) % 4]
        street_side = k == 0 or (k == 3 and house.corner)
        facade = Facade(
            house.seed,
            k,
            float(np.linalg.norm(right - left)),
            house.ground_floor_m,
            house.storey_m,
            house.storeys,
            plain=not street_side,
        )
        walls.add_wall(left, right, 0.0, house.wall_m, _painted(paintings, facade), Label.STRUCTURE)
    _add_roof(house, walls, paintings)
    _add_hanging_sign(house, walls, paintings)


def _painted(paintings: list[Painting], painting: Painting) -> int:
    paintings.append(painting)
    return len(paintings) - 1


def _at_height(xy: FloatArray, z_m: float) -> FloatArray:
    return np.array([xy[0], xy[1], z_m])


def _add_roof(house: House, walls: SurfaceList, paintings: list[Painting]) -> None:
    left, right, back_right, back_left = house.plan_xy
    eaves, ridge = house.wall_m, house.wall_m + house.roof_m
    if house.roof == "flat":
        width = float(np.linalg.norm(right - left))
        roof = _painted(paintings, Roof(house.seed, 0, width, float(np.linalg.norm(back_left - left))))
        corner = _at_height(back_left, eaves - 0.3)
        walls.add(corner, _at_height(right - left, 0), _at_height(left - back_left, 0), roof, Label.STRUCTURE)
        return
    if house.roof in ("ridge", "mansard"):
        reach = 0.5 if house.roof == "ridge" else 0.18
        for number, (a, b, d) in enumerate([(left, right, back_left), (back_right, back_left, right)]):
            top = _at_height(a + reach * (d - a), ridge)
            slope = _at_height(a, eaves) - top
            painting = Roof(house.seed, number, float(np.linalg.norm(b - a)), float(np.linalg.norm(slope)))
            walls.add(top, _at_height(b - a, 0), slope, _painted(paintings, painting), Label.STRUCTURE)
        for a, b in ((right, back_right), (back_left, left)):
            _add_side_gable(house, walls, paintings, a, b)
        return
    front = Gable(house.seed, float(np.linalg.norm(right - left)), house.roof_m, house.roof == "stepped")
    walls.add_wall(left, right, eaves, ridge, _painted(paintings, front), Label.STRUCTURE, cutout=True, two_sided=True)
    middle = 0.5 * (left + right)
    for number, (foot, along, corner_xy) in enumerate(
        [(right, back_right - right, middle), (left, back_left - left, middle + (back_left - left))]
    ):
        run = along if number == 0 else -along
        slope = _at_height(foot if number == 0 else back_left, eaves) - _at_height(corner_xy, ridge)
        painting = Roof(house.seed, number, float(np.linalg.norm(run)), float(np.linalg.norm(slope)))
        walls.add(
            _at_height(corner_xy, ridge), _at_height(run, 0), slope, _painted(paintings, painting), Label.STRUCTURE
        )


def _add_side_gable(
    house: House, walls: SurfaceList, paintings: list[Painting], left: FloatArray, right: FloatArray
) -> None:
    gable = Gable(house.seed, float(np.linalg.norm(right - left)), house.roof_m, stepped=False)
    walls.add_wall(
        left, right, house.wall_m, house.wall_m + house.roof_m, _painted(paintings, gable), Label.STRUCTURE,
        cutout=True, two_sided=True,
    )  # fmt: skip


def _add_hanging_sign(house: House, walls: SurfaceList, paintings: list[Painting]) -> None:
    """Hang a sign out over the sidewalk of some houses: seen from afar along the street."""
    rng = np.random.default_rng([house.seed, 61])
    if rng.random() > 0.4:
        return
    left, right = house.plan_xy[0], house.plan_xy[1]
    along = (right - left) / np.linalg.norm(right - left)
    outward = np.array([along[1], -along[0]])
    root = left + (right - left) * rng.uniform(0.1, 0.9)
    low, high = house.ground_floor_m - rng.uniform(0.0, 0.5), house.ground_floor_m + rng.uniform(0.5, 2.0)
    size = (40, int(40 * (high - low)))
    reach = rng.uniform(0.7, 1.1)
    for near, far in ((0.1, reach), (reach, 0.1)):  # both faces can be read
        sign = _painted(paintings, Panel(house.seed + 1, "sign", *size))
        shift = 0.04 * along * (1 if near < far else -1)
        walls.add_wall(root + outward * near + shift, root + outward * far + shift, low, high, sign, Label.STRUCTURE)
