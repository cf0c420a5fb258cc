# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From what odometry says at the times of two images to the motion between them, or why it is not believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S

UNSTATED_SHARE: Final = 0.1
"""Of the way, one deviation, where odometry states no covariance that can be used."""
LEAST_SHARE, LEAST_M = 0.03, 0.01
"""No odometry is surer: the heading it starts from is a map frame's, not the robot's own."""
SPEED_SLACK: Final = 1.5
OLDEST_GAP_NS: Final = 600 * NS_PER_S
"""After a longer silence nothing that was believed says where the robot is."""


@dataclass(frozen=True, eq=False)
class OdometryReading:
    """Where odometry has the robot at the time of an image.

    Attributes:
        T_odom_base: with an orientation.
        covariance: (6, 6) of x, y, z, roll, pitch, yaw, or None where nobody states one.
        axes_known: whether base and the poses of the map mean one frame of the robot; where they may not, only how far
            it went is used.
        frame_id: of the frame it is in, "" where nobody says.
    """

    T_odom_base: Pose
    covariance: npt.NDArray[np.float64] | None = None
    axes_known: bool = True
    frame_id: str = ""

    @property
    def position_variance_m2(self) -> float | None:
        """Of the position; None for a covariance that says nothing: absent, not finite, negative or zero."""
        if self.covariance is None:
            return None
        diagonal = np.asarray(self.covariance, dtype=np.float64).reshape(6, 6).diagonal()[:3]
        with np.errstate(over="ignore"):
            total = float(diagonal.sum())
        return total if np.isfinite(total) and (diagonal >= 0).all() and total > 0 else None


@dataclass(frozen=True, eq=False)
class Motion:
    """What happened between two images.

    Attributes:
        duration_s: between them.
        T_before_now: the relative pose; None where nobody knows the direction.
        distance_m: how far it went, or at most could have.
        deviation_m: of the position that the relative pose leads to.
        problem: why odometry is not used, "" where it is.
    """

    duration_s: float
    T_before_now: Pose | None
    distance_m: float
    deviation_m: float
    problem: str = ""

    @property
    def measured(self) -> bool:
        """Whether odometry says how far it went."""
        return not self.problem

    @property
    def words(self) -> str:
        """What is taken of odometry, or why nothing is."""
        known = "by odometry" if self.T_before_now is not None else "by the distance of the odometry alone"
        return self.problem or known


def motion_between(
    before: OdometryReading | None, now: OdometryReading | None, duration_s: float, top_speed_mps: float
) -> Motion:
    """The motion between two readings *duration_s* apart; without two that can be believed a random walk."""
    reach_m = top_speed_mps * duration_s
    if problem := _problem(before, now):
        return Motion(duration_s, None, reach_m, reach_m, problem)
    assert before is not None and now is not None
    with np.errstate(over="ignore", invalid="ignore"):
        T_before_now = before.T_odom_base.between(now.T_odom_base)
    distance_m = math.hypot(*T_before_now.position_m)
    if not math.isfinite(distance_m):
        return Motion(duration_s, None, reach_m, reach_m, "odometry is too far from its zero for a finite way")
    if distance_m > SPEED_SLACK * reach_m + 0.5:
        problem = f"odometry jumped {distance_m:.3g} m in {duration_s:.3g} s, which is faster than top_speed_mps"
        return Motion(duration_s, None, reach_m, reach_m, problem)
    deviation_m = _deviation_m(before, now, distance_m)
    if not (before.axes_known and now.axes_known):
        return Motion(duration_s, None, distance_m, deviation_m)
    return Motion(duration_s, T_before_now, distance_m, deviation_m)


def _problem(before: OdometryReading | None, now: OdometryReading | None) -> str:
    if now is None:
        return "no odometry at the time of the image"
    if not now.T_odom_base.is_finite or not now.T_odom_base.has_orientation:
        return "odometry is not a finite pose"
    if before is None:
        return "odometry has just begun"
    if before.frame_id != now.frame_id:
        return f"odometry is in the frame {now.frame_id!r} now, and was in {before.frame_id!r}"
    if not before.T_odom_base.is_finite or not before.T_odom_base.has_orientation:
        return "odometry was not a finite pose"
    return ""


def _deviation_m(before: OdometryReading, now: OdometryReading, distance_m: float) -> float:
    least_m = LEAST_M + LEAST_SHARE * distance_m
    first, last = before.position_variance_m2, now.position_variance_m2
    if first is None or last is None or last <= first:  # one that does not grow is a constant, not a measurement
        return max(least_m, UNSTATED_SHARE * distance_m)
    return max(least_m, math.sqrt(last - first))
