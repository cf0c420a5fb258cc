# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What stands in streets, gaps and parks: lamps, trees, posts, bins, hedges; and where cars may park."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_ros.simulation.houses import Lots
from vpr_ros.simulation.labels import Label
from vpr_ros.simulation.sprites import Panel, Pole, Tree
from vpr_ros.simulation.streets import Block, Street, StreetPlan
from vpr_ros.simulation.surfaces import FloatArray, SurfaceList, Surfaces
from vpr_ros.simulation.textures import Painting
from vpr_ros.simulation.vehicles import board_cross

_TREES = 12
_SIGNS = 12


@dataclass(frozen=True, eq=False)
class Furnishing:
    """What was put up.

    Attributes:
        placed: surfaces of trees, lamps and posts.
        lamps_m: (L, 3) where lamps shine from.
        parking: (P, 3) x, y and yaw of parking places.
    """

    placed: tuple[Surfaces, ...]
    lamps_m: FloatArray
    parking: FloatArray


def furnish(
    rng: np.random.Generator, plan: StreetPlan, lots: Lots, walls: SurfaceList, paintings: list[Painting]
) -> Furnishing:
    """Furnish every street, gap and park of a town."""
    first = len(paintings)
    seeds = rng.integers(2**31, size=_TREES + _SIGNS + 3)
    paintings += [Tree(int(seed)) for seed in seeds[:_TREES]]
    paintings += [Pole(int(seed), "sign") for seed in seeds[_TREES : _TREES + _SIGNS]]
    paintings += [Pole(int(seeds[-1]), "lamp"), Pole(int(seeds[-2]), "post"), Panel(int(seeds[-3]), "light", 8, 8)]
    paintings.append(Panel(int(seeds[-3]), "metal", 8, 8))
    lamp, post, light, metal = range(len(paintings) - 4, len(paintings))
    trees: list[list[float]] = []
    signs: list[list[float]] = []
    posts: list[list[float]] = []
    lamps: list[list[float]] = []
    parking: list[list[float]] = []
    for street in plan.streets:
        _line_street(rng, street, trees, signs, posts, lamps, parking)
    for gap_xy in lots.gaps_xy:
        _close_gap(rng, gap_xy, trees, walls, paintings)
    for block in plan.blocks:
        _plant_block(rng, block, trees)
    placed = [*_planted(rng, np.array(trees).reshape(-1, 3), first)]
    sign_places = np.array(signs).reshape(-1, 3)
    placed.append(
        board_cross(0.8, 2.8, 1, Label.OTHER).placed(
            _flat(sign_places),
            sign_places[:, 2],
            (first + _TREES + rng.integers(_SIGNS, size=len(sign_places))).astype(np.int32),
        )
    )
    post_places = np.array(posts).reshape(-1, 3)
    placed.append(
        board_cross(0.25, 1.0, 2, Label.OTHER).placed(
            _flat(post_places), post_places[:, 2], np.full(len(post_places), post, np.int32)
        )
    )
    lamp_places = np.array(lamps).reshape(-1, 3)
    placed.append(
        _lamp_model(light - lamp, metal - lamp).placed(
            _flat(lamp_places), lamp_places[:, 2], np.full(len(lamp_places), lamp, np.int32)
        )
    )
    cos, sin = np.cos(lamp_places[:, 2]), np.sin(lamp_places[:, 2])
    lamps_m = np.stack([lamp_places[:, 0] + 1.4 * cos, lamp_places[:, 1] + 1.4 * sin, np.full(len(cos), 5.6)], axis=1)
    return Furnishing(tuple(placed), lamps_m, np.array(parking).reshape(-1, 3))


def _flat(places: FloatArray) -> FloatArray:
    return np.column_stack([places[:, :2], np.zeros(len(places))])


def _lamp_model(light: int, metal: int) -> Surfaces:
    """Build a lamp whose arm points along x; texture 0 is the lamp from the side."""
    lamp = SurfaceList()
    lamp.add_wall((-0.2, 0.0), (1.8, 0.0), 0.0, 6.0, 0, Label.OTHER, cutout=True, two_sided=True)
    lamp.add_wall((0.0, -0.06), (0.0, 0.06), 0.0, 5.5, metal, Label.OTHER, two_sided=True)
    for left, right in (((1.1, -0.15), (1.1, 0.15)), ((1.7, 0.15), (1.7, -0.15)), ((1.1, 0.15), (1.7, 0.15))):
        lamp.add_wall(left, right, 5.55, 5.72, light, Label.OTHER, two_sided=True)
    lamp.add((1.1, -0.15, 5.55), (0.6, 0.0, 0.0), (0.0, 0.3, 0.0), light, Label.OTHER, two_sided=True)
    return lamp.collected()


def _line_street(
    rng: np.random.Generator,
    street: Street,
    trees: list[list[float]],
    signs: list[list[float]],
    posts: list[list[float]],
    lamps: list[list[float]],
    parking: list[list[float]],
) -> None:
    steps = street.centre(200)
    along = np.gradient(steps, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    travelled = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(steps, axis=0), axis=1))]
    tree_lined, lamp_side = rng.random() < 0.35, float(rng.choice([-1, 1]))
    tree_gap, lamp_gap = rng.uniform(8.0, 15.0), rng.uniform(16.0, 28.0)

    def at(distance_m: float, left_m: float, side: float) -> list[float]:
        k = min(int(np.searchsorted(travelled, distance_m)), len(steps) - 1)
        left = np.array([-along[k, 1], along[k, 0]])
        x, y = steps[k] + left * left_m * side
        return [float(x), float(y), float(np.arctan2(-left[1] * side, -left[0] * side))]

    kerb = street.roadway_m / 2
    free = (11.0, travelled[-1] - 11.0)
    lamps += [at(d, kerb + 0.45, lamp_side) for d in np.arange(free[0] + rng.uniform(0, 8), free[1], lamp_gap)]
    for side in (-1, 1):
        if tree_lined and street.sidewalk_m > 2.2:
            spots = np.arange(free[0] + rng.uniform(0, 6), free[1], tree_gap)
            trees += [at(d, kerb + 0.9, side) for d in spots[rng.random(len(spots)) < 0.85]]
        signs += [at(d, kerb + 0.4, side) for d in rng.uniform(*free, int(rng.integers(0, 4)))]
        if rng.random() < 0.3:
            posts += [at(d, kerb + 0.3, side) for d in np.arange(free[0], free[1], 2.5)]
        if street.roadway_m > 6.5:
            for distance in np.arange(free[0] + 3.0, free[1] - 3.0, 5.6):
                place = at(distance, kerb - 1.0, side)
                parking.append([place[0], place[1], place[2] - np.pi / 2])


def _close_gap(
    rng: np.random.Generator,
    gap_xy: FloatArray,
    trees: list[list[float]],
    walls: SurfaceList,
    paintings: list[Painting],
) -> None:
    """Close a gap between houses with a low hedge or fence, and plant a tree or two behind it."""
    left, right = gap_xy[0], gap_xy[1]
    width_m = float(np.linalg.norm(right - left))
    hedge = rng.random() < 0.6
    high = float(rng.uniform(0.8, 1.8))
    what = "hedge" if hedge else "bin"
    paintings.append(Panel(int(rng.integers(2**31)), what, int(width_m * 20), int(high * 20)))
    label = Label.VEGETATION if hedge else Label.STRUCTURE
    walls.add_wall(left, right, 0.0, high, len(paintings) - 1, label, two_sided=True)
    for _ in range(int(rng.integers(1, 4))):
        x, y = left + (right - left) * rng.uniform(0.2, 0.8) + (gap_xy[3] - left) * rng.uniform(0.3, 0.9)
        trees.append([float(x), float(y), float(rng.uniform(0, np.pi))])


def _plant_block(rng: np.random.Generator, block: Block, trees: list[list[float]]) -> None:
    """Plant parks densely, and a wood behind the last houses."""
    low, high = (0.05, 0.95) if block.park else (0.6, 1.0)
    if not (block.park or block.outer):
        return
    for _ in range(34 if block.park else 9):
        s, t = (rng.uniform(0.05, 0.95) if block.park else rng.uniform(-0.2, 1.2)), rng.uniform(low, high)
        a, b, c, d = block.corners_xy
        x, y = (a * (1 - s) + b * s) * (1 - t) + (d * (1 - s) + c * s) * t
        trees.append([float(x), float(y), float(rng.uniform(0, np.pi))])


def _planted(rng: np.random.Generator, trees: FloatArray, first: int) -> list[Surfaces]:
    """Put trees of a few sizes where they belong."""
    planted = []
    size_of = rng.integers(3, size=len(trees))
    for number, (width_m, height_m) in enumerate(((4.2, 5.4), (5.6, 7.2), (7.0, 9.0))):
        chosen = trees[size_of == number]
        kind = (first + rng.integers(_TREES, size=len(chosen))).astype(np.int32)
        model = board_cross(width_m, height_m, 3, Label.VEGETATION)
        planted.append(model.placed(_flat(chosen), chosen[:, 2], kind))
    return planted
