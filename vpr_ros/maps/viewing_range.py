# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From how far away frames of a map still show one scene, and what that says about the radius of a place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from vpr_ros.maps.manifest_values import LARGEST_POSITION_M, count, entry, items, number

MOST_LEVELS: Final = 64
HALF: Final = 0.5
"""Of the pairs: at this share one scene ends."""
FACTOR: Final = 2.0
"""How many times larger or smaller than the viewing range a radius contradicts it."""


@dataclass(frozen=True)
class RangeLevel:
    """Pairs of frames at one distance.

    Attributes:
        distance_m: between the two, the median of the pairs.
        pairs: how many were compared.
        verified: in how many keypoints prove one scene.
    """

    distance_m: float
    pairs: int
    verified: int

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, bool]]) -> RangeLevel:
        """Count pairs: how far apart each is, and whether one scene is proved."""
        distance_m = float(np.median([one_m for one_m, _ in pairs]))
        return cls(float(f"{distance_m:.4g}"), len(pairs), sum(proved for _, proved in pairs))

    @property
    def share(self) -> float:
        """Of the pairs, 0..1."""
        return self.verified / self.pairs


@dataclass(frozen=True)
class ViewingRange:
    """Pairs of the map's own frames at growing distances.

    Attributes:
        levels: nearest first; one at least.
    """

    levels: tuple[RangeLevel, ...]

    @property
    def range_m(self) -> float | None:
        """Where the share of proved pairs falls to a half, between two levels by the logarithm of the distance.

        None where it does not fall within the levels: all or none of them show one scene.
        """
        last = self._last_seen
        if last is None or last == len(self.levels) - 1:
            return None
        near, far = self.levels[last], self.levels[last + 1]
        part = (near.share - HALF) / (near.share - far.share)
        return near.distance_m * math.exp(part * math.log(far.distance_m / near.distance_m))

    @property
    def least_m(self) -> float:
        """The viewing range is not less than this; 0 where the nearest pairs already show two scenes."""
        if self.range_m is not None:
            return self.range_m
        return 0.0 if self._last_seen is None else self.levels[-1].distance_m

    @property
    def most_m(self) -> float:
        """The viewing range is not more than this; infinite where the farthest pairs still show one scene."""
        if self.range_m is not None:
            return self.range_m
        return self.levels[0].distance_m if self._last_seen is None else math.inf

    @property
    def proposed_m(self) -> float:
        """The radius of a place that fits: the viewing range, or the level nearest to it."""
        return self.least_m or self.most_m

    @property
    def words(self) -> str:
        """The range for people: ``up to 2.6 m``."""
        if self.range_m is not None:
            return f"up to {self.range_m:.3g} m"
        return f"from {self.least_m:.3g} m and farther" if self.least_m else f"from less than {self.most_m:.3g} m"

    def contradicts(self, radius_m: float) -> bool:
        """Whether *radius_m* is at least twice the viewing range, or at most half of it."""
        return radius_m >= FACTOR * self.most_m or radius_m <= self.least_m / FACTOR

    @property
    def _last_seen(self) -> int | None:
        """The last level from the nearest on at which half of the pairs or more show one scene."""
        last = None
        for number_of_level, level in enumerate(self.levels):
            if level.share < HALF:
                break
            last = number_of_level
        return last

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML; the range that follows stands beside the levels for who reads it."""
        levels = [[level.distance_m, level.pairs, level.verified] for level in self.levels]
        return {"range_m": self.range_m, "levels": levels}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ViewingRange:
        """Read what ``to_dict`` wrote; the range is found again.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        entry(plain, "range_m")
        levels = tuple(_level(row) for row in items(plain, "levels"))
        rising = all(near.distance_m < far.distance_m for near, far in pairwise(levels))
        if not 0 < len(levels) <= MOST_LEVELS or not rising:
            raise ValueError(f"viewing_range has {len(levels)} levels, expected 1 to {MOST_LEVELS}, nearest first")
        return cls(levels)


def _level(row: object) -> RangeLevel:
    if not isinstance(row, list) or len(row) != 3:
        raise ValueError("a level of viewing_range is no list of distance, pairs and proved pairs")
    named = dict(zip(("distance_m", "pairs", "verified"), row, strict=True))
    pairs = count(named, "pairs", 1)
    distance_m = number(named, "distance_m", 0.0, LARGEST_POSITION_M)
    if not distance_m:
        raise ValueError("a level of viewing_range has the distance 0, expected more")
    return RangeLevel(distance_m, pairs, count(named, "verified", 0, pairs))
