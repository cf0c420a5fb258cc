# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Closed ways through the streets of a town."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d

from vpr_ros.simulation.streets import FloatArray, StreetPlan

_STEP_M: Final = 0.25
_CORNER_M: Final = 5.0  # how far before a crossing the turn begins
_SMOOTHING_M: Final = 2.2


@dataclass(frozen=True, eq=False)
class Route:
    """A closed smooth line, sampled evenly.

    Attributes:
        xy: (N, 2) centre of the streets.
        lane_m: (N,) from there to the middle of a lane.
        step_m: between samples.
    """

    xy: FloatArray
    lane_m: FloatArray
    step_m: float

    @property
    def length_m(self) -> float:
        """Once around."""
        return len(self.xy) * self.step_m

    def shifted(self, right_m: FloatArray) -> Route:
        """Move every sample sideways and sample evenly again. *right_m*: (N,)."""
        along = np.roll(self.xy, -1, axis=0) - np.roll(self.xy, 1, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        right = np.stack([along[:, 1], -along[:, 0]], axis=1)
        return evenly(self.xy + right * right_m[:, None], self.lane_m)

    def reversed(self) -> Route:
        """The other way round."""
        return Route(self.xy[::-1], self.lane_m[::-1], self.step_m)


def cover_streets(seed: int, plan: StreetPlan) -> list[int]:
    """Walk every street at least once without turning on the spot, and come back: crossings, the first not repeated."""
    rng = np.random.default_rng([seed, 91])
    neighbours: dict[int, list[int]] = {k: [] for k in range(len(plan.crossings_xy))}
    for street in plan.streets:
        neighbours[street.start].append(street.end)
        neighbours[street.end].append(street.start)
    visits = {frozenset((s.start, s.end)): 0 for s in plan.streets}
    walk = [int(rng.integers(len(plan.crossings_xy)))]
    before = -1
    while min(visits.values()) == 0:
        here = walk[-1]
        ways = [n for n in neighbours[here] if n != before]
        fewest = min(visits[frozenset((here, n))] for n in ways)
        ahead = int(rng.choice([n for n in ways if visits[frozenset((here, n))] == fewest]))
        visits[frozenset((here, ahead))] += 1
        before = here
        walk.append(ahead)
    return [*walk, *_way_home(neighbours, before, walk[-1], walk[0], walk[1])][:-1]


def _way_home(neighbours: dict[int, list[int]], before: int, here: int, home: int, leaves_to: int) -> list[int]:
    """Find the shortest way home that neither turns back nor arrives from where the walk leaves to."""
    queue: deque[tuple[int, int, list[int]]] = deque([(before, here, [])])
    seen = {(before, here)}
    while queue:
        before, here, way = queue.popleft()
        if here == home and before != leaves_to:
            return way
        for ahead in neighbours[here]:
            if ahead != before and (here, ahead) not in seen:
                seen.add((here, ahead))
                queue.append((here, ahead, [*way, ahead]))
    raise AssertionError("every crossing of a grid of streets can be left by another street")


def plan_route(seed: int, plan: StreetPlan) -> Route:
    """Draw a closed route that covers every street, its corners rounded as a car takes them."""
    walk = cover_streets(seed, plan)
    by_ends = {(s.start, s.end): s for s in plan.streets}
    points, lanes = [], []
    for a, b in zip(walk, walk[1:] + walk[:1], strict=True):
        street = by_ends.get((a, b)) or by_ends[b, a]
        line = street.centre(max(20, int(street.length_m)))
        line = line if street.start == a else line[::-1]
        travelled = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
        kept = line[(travelled > _CORNER_M) & (travelled < travelled[-1] - _CORNER_M)]
        points.append(kept)
        lanes.append(np.full(len(kept), street.roadway_m / 4))
    rough = evenly(np.concatenate(points), np.concatenate(lanes))
    sigma = _SMOOTHING_M / rough.step_m
    smooth_xy = gaussian_filter1d(rough.xy, sigma, axis=0, mode="wrap")
    return evenly(smooth_xy, gaussian_filter1d(rough.lane_m, 2 * sigma, mode="wrap"))


def evenly(xy: FloatArray, lane_m: FloatArray) -> Route:
    """Sample a closed line evenly."""
    closed = np.concatenate([xy, xy[:1]])
    travelled = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))]
    count = max(8, round(travelled[-1] / _STEP_M))
    at = np.arange(count) * travelled[-1] / count
    sampled = np.stack([np.interp(at, travelled, closed[:, axis]) for axis in range(2)], axis=1)
    return Route(sampled, np.interp(at, travelled, np.r_[lane_m, lane_m[:1]]), float(travelled[-1] / count))
