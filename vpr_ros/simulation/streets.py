# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The plan of the town: a grid of streets pulled out of shape, and the blocks between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

PARALLEL: Final = 0.9
"""Cosine of the angle between two streets that run one way."""


@dataclass(frozen=True, eq=False)
class Street:
    """One street between two crossings.

    Attributes:
        start, end: indices of the crossings.
        start_xy, end_xy: (2,) where they are.
        bow_xy: (2,) how far the middle is pulled aside.
        roadway_m: width between the kerbs.
        sidewalk_m: width of each sidewalk.
        kind: 0 dashed centre line, 1 solid centre line, 2 no line, 3 cobbles.
    """

    start: int
    end: int
    start_xy: FloatArray
    end_xy: FloatArray
    bow_xy: FloatArray
    roadway_m: float
    sidewalk_m: float
    kind: int

    @property
    def half_width_m(self) -> float:
        """From the centre line to the house fronts."""
        return 0.5 * self.roadway_m + self.sidewalk_m

    @property
    def length_m(self) -> float:
        """Length of the centre line."""
        return float(np.linalg.norm(np.diff(self.centre(32), axis=0), axis=1).sum())

    @property
    def along_xy(self) -> FloatArray:
        """(2,) unit vector from start to end."""
        way = self.end_xy - self.start_xy
        return np.asarray(way / np.linalg.norm(way))

    @property
    def left_xy(self) -> FloatArray:
        """(2,) unit vector to the left of that."""
        x, y = self.along_xy.tolist()
        return np.array([-y, x])

    def like(self, model: Street) -> Street:
        """The street where it is, as wide, as bowed and of the same surface as *model*."""
        bow_xy = float(model.bow_xy @ model.left_xy) * self.left_xy
        return replace(self, bow_xy=bow_xy, kind=model.kind, roadway_m=model.roadway_m, sidewalk_m=model.sidewalk_m)

    def centre(self, points: int) -> FloatArray:
        """Sample the centre line from start to end: (points, 2)."""
        return bowed(self.start_xy, self.end_xy, self.bow_xy, points)


def bowed(start_xy: FloatArray, end_xy: FloatArray, bow_xy: FloatArray, points: int) -> FloatArray:
    """Sample a line that leaves and arrives straight and is pulled aside by *bow_xy* in its middle: (points, 2)."""
    t = np.linspace(0.0, 1.0, points)[:, None]
    return np.asarray(start_xy + (end_xy - start_xy) * t + bow_xy * np.sin(np.pi * t) ** 2)


@dataclass(frozen=True, eq=False)
class Block:
    """The land between streets, its corners counter-clockwise at the house fronts.

    Attributes:
        corners_xy: (4, 2); side k goes from corner k to corner k + 1.
        bows_xy: (4, 2) how far each side's middle is pulled aside.
        park: trees instead of houses.
        outer: only side 0 faces a street; the land behind is the edge of the town.
    """

    corners_xy: FloatArray
    bows_xy: FloatArray
    park: bool = False
    outer: bool = False

    def side(self, index: int, points: int = 24) -> FloatArray:
        """Sample side *index*: (points, 2)."""
        return bowed(
            self.corners_xy[index], self.corners_xy[(index + 1) % len(self.corners_xy)], self.bows_xy[index], points
        )


@dataclass(frozen=True, eq=False)
class StreetPlan:
    """Crossings, streets and blocks of one town, and the numbers of two streets that are to look alike."""

    crossings_xy: FloatArray
    streets: tuple[Street, ...]
    blocks: tuple[Block, ...]
    twins: tuple[int, int] | None = None

    @cached_property
    def centres_xy(self) -> FloatArray:
        """(streets, 33, 2) centre lines."""
        return np.array([street.centre(33) for street in self.streets])


def plan_streets(
    rng: np.random.Generator, blocks_east: int, blocks_north: int, spacing_m: float, twins: bool = False
) -> StreetPlan:
    """Lay out the streets around *blocks_east* times *blocks_north* blocks of about *spacing_m* around the origin.

    With *twins* two of them become as wide, as bowed and of the same surface.
    """
    columns, rows = blocks_east + 1, blocks_north + 1
    east = np.cumsum(np.r_[0.0, rng.uniform(0.82, 1.18, blocks_east)]) * spacing_m
    north = np.cumsum(np.r_[0.0, rng.uniform(0.82, 1.18, blocks_north)]) * spacing_m
    grid = np.stack(np.meshgrid(east - east.mean(), north - north.mean()), axis=-1).reshape(-1, 2)
    crossings_xy = grid + rng.uniform(-0.08, 0.08, grid.shape) * spacing_m
    streets: dict[tuple[int, int], Street] = {}
    for node in range(rows * columns):
        neighbours = [node + 1] * (node % columns < blocks_east) + [node + columns] * (node // columns < blocks_north)
        for other in neighbours:
            streets[node, other] = _street(rng, node, other, crossings_xy)
    pair = _twin_pair(streets) if twins else None
    if pair is not None:
        streets[pair[1]] = streets[pair[1]].like(streets[pair[0]])
    blocks = [
        _inner_block(rng, streets, crossings_xy, row * columns + column, columns)
        for row in range(blocks_north)
        for column in range(blocks_east)
    ]
    blocks += _outer_blocks(streets, crossings_xy, columns, rows)
    numbers = None if pair is None else (list(streets).index(pair[0]), list(streets).index(pair[1]))
    return StreetPlan(crossings_xy, tuple(streets.values()), tuple(blocks), numbers)


def _twin_pair(streets: dict[tuple[int, int], Street]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The two parallel streets without a common crossing that are most alike in length; None where there are none."""
    pairs = [
        (abs(streets[a].length_m - streets[b].length_m), a, b)
        for a, b in combinations(streets, 2)
        if not set(a) & set(b) and float(streets[a].along_xy @ streets[b].along_xy) > PARALLEL
    ]
    return min(pairs)[1:] if pairs else None


def _street(rng: np.random.Generator, start: int, end: int, crossings_xy: FloatArray) -> Street:
    along = crossings_xy[end] - crossings_xy[start]
    left = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    bow = float(rng.uniform(-6.0, 6.0)) if rng.random() < 0.7 else 0.0
    return Street(
        start,
        end,
        crossings_xy[start],
        crossings_xy[end],
        left * bow,
        roadway_m=float(rng.choice([6.0, 7.0, 8.5, 10.0])),
        sidewalk_m=float(rng.uniform(1.8, 4.0)),
        kind=int(rng.choice([0, 0, 1, 2, 3])),
    )


def _inner_block(
    rng: np.random.Generator,
    streets: dict[tuple[int, int], Street],
    crossings_xy: FloatArray,
    first: int,
    columns: int,
) -> Block:
    ring = [first, first + 1, first + 1 + columns, first + columns]
    sides = [streets[min(a, b), max(a, b)] for a, b in zip(ring, ring[1:] + ring[:1], strict=True)]
    lines = [
        _shifted_line(crossings_xy[a], crossings_xy[b], side.half_width_m)
        for a, b, side in zip(ring, ring[1:] + ring[:1], sides, strict=True)
    ]
    corners = np.array([_intersection(*lines[k - 1], *lines[k]) for k in range(4)])
    return Block(corners, np.array([side.bow_xy for side in sides]), park=bool(rng.random() < 0.12))


def _shifted_line(start_xy: FloatArray, end_xy: FloatArray, left_m: float) -> tuple[FloatArray, FloatArray]:
    along = (end_xy - start_xy) / np.linalg.norm(end_xy - start_xy)
    return start_xy + left_m * np.array([-along[1], along[0]]), along


def _intersection(point_a: FloatArray, along_a: FloatArray, point_b: FloatArray, along_b: FloatArray) -> FloatArray:
    s, _ = np.linalg.solve(np.stack([along_a, -along_b], axis=1), point_b - point_a)
    return np.asarray(point_a + s * along_a)


def _outer_blocks(
    streets: dict[tuple[int, int], Street], crossings_xy: FloatArray, columns: int, rows: int
) -> list[Block]:
    """Line the outer side of the ring road with one row of houses per street."""
    south = list(range(columns))
    east = [row * columns + columns - 1 for row in range(rows)]
    north = [(rows - 1) * columns + column for column in reversed(range(columns))]
    west = [row * columns for row in reversed(range(rows))]
    ring = south + east[1:] + north[1:] + west[1:-1]
    centre = crossings_xy.mean(axis=0)
    blocks = []
    for b, a in zip(ring, ring[1:] + ring[:1], strict=True):  # against the ring: outside is to the left
        street = streets[min(a, b), max(a, b)]
        along = (crossings_xy[b] - crossings_xy[a]) / np.linalg.norm(crossings_xy[b] - crossings_xy[a])
        left = np.array([-along[1], along[0]])
        if left @ (0.5 * (crossings_xy[a] + crossings_xy[b]) - centre) < 0:
            raise AssertionError("the ring of outer streets runs the wrong way round")
        front = [crossings_xy[a] + left * street.half_width_m, crossings_xy[b] + left * street.half_width_m]
        back = [front[1] + 22.0 * left, front[0] + 22.0 * left]
        bow = np.zeros((4, 2))
        bow[0] = street.bow_xy
        blocks.append(Block(np.array([*front, *back]), bow, outer=True))
    return blocks
