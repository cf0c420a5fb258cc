# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Poses that odometry makes impossible after those accepted before, until they agree with each other for long enough.

A robot whose filter takes map -> odom from a pose on the other side of the town drives into a wall; a kidnapped one
must be believed in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vpr_ros.core.pose import Pose
from vpr_ros.localization.place_filter.motion import Motion

CONVINCED: Final = 1.5
"""To this the probabilities by their images alone of poses that agree with each other must sum up: many poor images of
a place that looks alike a little are none that is sure."""
SURENESS: Final = 3.0


@dataclass(frozen=True, eq=False)
class _Track:
    """A pose that was accepted, carried on by odometry.

    Attributes:
        T_map_base: by now; its position alone where no orientation is known.
        slack_m: how far off it may be.
        evidence: how much agreed with it.
        measured: whether odometry measured every motion since.
    """

    T_map_base: Pose
    slack_m: float
    evidence: float = 0.0
    measured: bool = True

    def moved(self, motion: Motion) -> _Track:
        if not motion.measured:
            return replace(self, slack_m=self.slack_m + motion.distance_m, measured=False)
        if motion.T_before_now is None or not self.T_map_base.has_orientation:
            return replace(self, slack_m=self.slack_m + motion.distance_m)
        slack_m = float(np.hypot(self.slack_m, SURENESS * motion.deviation_m))
        return replace(self, T_map_base=self.T_map_base.compose(motion.T_before_now), slack_m=slack_m)

    def reaches(self, pose: Pose) -> bool:
        return self.T_map_base.distance_m(pose) <= self.slack_m


@dataclass(frozen=True)
class Impossible:
    """How far an accepted pose lies from where odometry leads.

    Attributes:
        distance_m: from there.
        allowed_m: the farthest that odometry allows.
    """

    distance_m: float
    allowed_m: float


class JumpGate:
    """Remembers the last accepted pose, and the first of those refused since."""

    def __init__(self, radius_m: float) -> None:
        self._radius_m = radius_m
        self._last: _Track | None = None
        self._rival: _Track | None = None

    def backs(self, T_map_base: Pose) -> bool:
        """Whether what was accepted so far can lend its certainty to a pose: there is some, and a way to the pose."""
        return self._last is not None and (self._last.measured or self._last.reaches(T_map_base))

    def forget(self) -> None:
        """The next pose is possible wherever it lies."""
        self._last = self._rival = None

    def move(self, motion: Motion) -> None:
        """The robot moved; where nobody measured how, every pose is possible until the next is accepted."""
        self._last = None if self._last is None else self._last.moved(motion)
        self._rival = None if self._rival is None else self._rival.moved(motion)

    def check(self, T_map_base: Pose, evidence: float, *, always: bool = False) -> Impossible | None:
        """Whether a pose that would be accepted is possible; it is remembered then.

        Args:
            T_map_base: the pose.
            evidence: its probability by its image alone, as far as that is new.
            always: let every pose through.
        """
        fresh = _Track(T_map_base, 2.0 * self._radius_m)
        if always or self._last is None or not self._last.measured or self._last.reaches(T_map_base):
            self._last, self._rival = fresh, None
            return None
        if self._rival is not None and self._rival.reaches(T_map_base):
            evidence += self._rival.evidence
        if evidence >= CONVINCED:
            self._last, self._rival = fresh, None
            return None
        self._rival = replace(fresh, evidence=evidence)
        return Impossible(self._last.T_map_base.distance_m(T_map_base), self._last.slack_m)
