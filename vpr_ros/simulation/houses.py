# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Houses along the blocks: their plans, heights, roofs and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.streets import Block, StreetPlan

FloatArray = npt.NDArray[np.float64]

ROOFS = ("flat", "ridge", "gable", "stepped", "mansard")


@dataclass(frozen=True, eq=False)
class House:
    """One house.

    Attributes:
        plan_xy: (4, 2) counter-clockwise, front left first as seen from the street.
        storeys: above the ground floor.
        ground_floor_m, storey_m: their heights.
        roof: one of ``ROOFS``.
        roof_m: how far the roof rises above the walls.
        corner: whether its left side faces a street too.
        seed: of everything painted on it.
    """

    plan_xy: FloatArray
    storeys: int
    ground_floor_m: float
    storey_m: float
    roof: str
    roof_m: float
    corner: bool
    seed: int

    @property
    def wall_m(self) -> float:
        """Height of the walls."""
        return self.ground_floor_m + self.storeys * self.storey_m + 0.5


@dataclass(frozen=True, eq=False)
class Lots:
    """What was built, and the gaps that were left: (4, 2) plans like a house's."""

    houses: tuple[House, ...]
    gaps_xy: tuple[FloatArray, ...]


def build_houses(rng: np.random.Generator, plan: StreetPlan) -> Lots:
    """Line every side that faces a street with houses, leaving a gap now and then."""
    houses: list[House] = []
    gaps: list[FloatArray] = []
    for block in plan.blocks:
        if block.park:
            continue
        base_storeys = int(rng.integers(1, 5))
        for lot_xy, corner in _lots(rng, block):
            if not corner and rng.random() < 0.09:
                gaps.append(lot_xy)
            else:
                houses.append(_house(rng, lot_xy, corner, base_storeys))
    return Lots(tuple(houses), tuple(gaps))


def _lots(rng: np.random.Generator, block: Block) -> Iterator[tuple[FloatArray, bool]]:
    """Cut the sides into lots. Each side begins with its corner house and ends before the next side's."""
    if block.outer:
        yield from _row(rng, block.side(0), 0.0, 0.0)
        return
    depth_m = rng.uniform(9.5, 13.0, 4)
    width_m = rng.uniform(9.0, 15.0, 4)
    for k in range(4):
        here, before = block.side(k, 200), block.side(k - 1, 200)
        left = here[0]
        right = _at(here, _travelled(here), float(width_m[k]))
        back_left = _at(before[::-1], _travelled(before[::-1]), float(depth_m[k]))
        yield np.array([left, right, right + back_left - left, back_left]), True
        yield from _row(rng, here, float(width_m[k]), float(depth_m[(k + 1) % 4]))


def _row(
    rng: np.random.Generator, line_xy: FloatArray, skip_start_m: float, skip_end_m: float
) -> Iterator[tuple[FloatArray, bool]]:
    travelled = _travelled(line_xy)
    free_m = travelled[-1] - skip_start_m - skip_end_m
    count = max(1, round(free_m / 10.5))
    shares = rng.uniform(0.65, 1.4, count)
    cuts = skip_start_m + np.r_[0.0, np.cumsum(shares / shares.sum())] * free_m
    depth_m = float(rng.uniform(9.0, 12.5))
    for start, end in pairwise(cuts):
        yield (
            np.array(
                [
                    _at(line_xy, travelled, start),
                    _at(line_xy, travelled, end),
                    _at(line_xy, travelled, end) + depth_m * _inward(line_xy, travelled, end),
                    _at(line_xy, travelled, start) + depth_m * _inward(line_xy, travelled, start),
                ]
            ),
            False,
        )


def _travelled(line_xy: FloatArray) -> FloatArray:
    return np.asarray(np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line_xy, axis=0), axis=1))])


def _at(line_xy: FloatArray, travelled: FloatArray, distance_m: float) -> FloatArray:
    return np.array([np.interp(distance_m, travelled, line_xy[:, axis]) for axis in range(2)])


def _inward(line_xy: FloatArray, travelled: FloatArray, distance_m: float) -> FloatArray:
    along = _at(line_xy, travelled, distance_m + 0.5) - _at(line_xy, travelled, distance_m - 0.5)
    return np.asarray(np.array([-along[1], along[0]]) / np.linalg.norm(along))


def _house(rng: np.random.Generator, plan_xy: FloatArray, corner: bool, base_storeys: int) -> House:
    storeys = int(np.clip(base_storeys + rng.integers(-1, 2), 1, 6))
    roof = str(rng.choice(ROOFS, p=[0.34, 0.24, 0.16, 0.1, 0.16]))
    if corner and roof in ("gable", "stepped", "ridge"):
        roof = "flat" if rng.random() < 0.5 else "mansard"
    width_m = float(np.linalg.norm(plan_xy[1] - plan_xy[0]))
    rise = {"flat": 0.0, "ridge": rng.uniform(2.0, 4.5), "mansard": rng.uniform(2.0, 3.2)}
    roof_m = float(rise.get(roof, width_m * rng.uniform(0.35, 0.52)))
    return House(
        plan_xy,
        storeys,
        ground_floor_m=float(rng.uniform(3.0, 4.4)),
        storey_m=float(rng.uniform(2.7, 3.5)),
        roof=roof,
        roof_m=roof_m,
        corner=corner,
        seed=int(rng.integers(2**31)),
    )
