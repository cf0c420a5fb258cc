# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Odometry that can be believed, and odometry that cannot."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.core.pose import Pose
from vpr_ros.localization.place_filter.motion import OdometryReading, motion_between

START = OdometryReading(Pose((1.0, 2.0, 0.0)))


def covariance(variance: float) -> np.ndarray:
    return np.diag([variance] * 6)


def test_the_motion_is_relative_and_its_deviation_a_share_of_the_way() -> None:
    before, now = OdometryReading(Pose.from_xy_yaw(1, 2, np.pi / 2)), OdometryReading(Pose.from_xy_yaw(1, 5, np.pi / 2))
    motion = motion_between(before, now, 1.0, 10.0)
    assert motion.measured and motion.T_before_now is not None
    assert motion.T_before_now.position_m == pytest.approx((3.0, 0.0, 0.0))
    assert motion.distance_m == pytest.approx(3.0) and motion.deviation_m == pytest.approx(0.3)


@pytest.mark.parametrize("variance", [None, 0.0, np.nan, -1.0, 1e308])
def test_a_covariance_that_says_nothing_is_not_used(variance: float | None) -> None:
    stated = None if variance is None else covariance(variance)
    now = OdometryReading(Pose((4.0, 2.0, 0.0)), stated)
    assert motion_between(OdometryReading(START.T_odom_base, stated), now, 1.0, 10.0).deviation_m == pytest.approx(0.3)


def test_a_covariance_that_grows_is_the_deviation() -> None:
    before, now = (
        OdometryReading(Pose((0.0, 0.0, 0.0)), covariance(1.0)),
        OdometryReading(Pose((3, 0, 0)), covariance(2)),
    )
    assert motion_between(before, now, 1.0, 10.0).deviation_m == pytest.approx(np.sqrt(3.0))


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (START, None, "no odometry at the time of the image"),
        (None, START, "odometry has just begun"),
        (START, OdometryReading(Pose((np.nan, 0.0, 0.0))), "odometry is not a finite pose"),
        (OdometryReading(Pose((np.inf, 0.0, 0.0))), START, "odometry was not a finite pose"),
        (START, OdometryReading(Pose((1.0, 2.0, 0.0), (0.0, 0.0, 0.0, 0.0))), "odometry is not a finite pose"),
        (
            START,
            OdometryReading(Pose((201.0, 2.0, 0.0))),
            "odometry jumped 200 m in 2 s, which is faster than top_speed_mps",
        ),
        (
            OdometryReading(Pose.from_xy_yaw(1e308, 1e308, 0.5)),
            OdometryReading(Pose.from_xy_yaw(-1e308, 1e308, 0.5)),
            "odometry is too far from its zero for a finite way",
        ),
        (
            OdometryReading(Pose((0.0, 0.0, 0.0)), frame_id="odom"),
            OdometryReading(Pose((1.0, 0.0, 0.0)), frame_id="wheels"),
            "odometry is in the frame 'wheels' now, and was in 'odom'",
        ),
    ],
)
def test_what_cannot_be_believed_becomes_a_random_walk(
    before: OdometryReading | None, now: OdometryReading | None, why: str
) -> None:
    motion = motion_between(before, now, 2.0, 10.0)
    assert motion.problem == why and not motion.measured and motion.T_before_now is None
    assert motion.distance_m == 20.0


def test_axes_that_may_be_others_leave_the_distance() -> None:
    motion = motion_between(START, OdometryReading(Pose((4.0, 2.0, 0.0)), axes_known=False), 1.0, 10.0)
    assert motion.measured and motion.T_before_now is None and motion.distance_m == pytest.approx(3.0)
    assert motion.words == "by the distance of the odometry alone"
