# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which reading of an odometry topic stands for the time of an image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from nav_msgs.msg import Odometry
from rclpy.node import Node
from some_setup import some_setup

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.ros.localizer.odometry_input import OdometryInput
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.messages import to_header, to_pose_message

SECOND = NS_PER_S
START_NS = 100 * NS_PER_S


@pytest.fixture
def odometry(ros_env: dict[str, str]) -> Iterator[OdometryInput]:
    node = Node("odometry_of_the_test")
    listening = OdometryInput(node)
    listening.listen("/odom")
    yield listening
    node.destroy_node()


@pytest.fixture(scope="module")
def by_topic(texture_map: Path) -> LocalizerSetup:
    return some_setup(texture_map)


def came(
    odometry: OdometryInput, seconds: float, pose: Pose, variance: float = 0.0, frames: tuple[str, str] = ("odom", "")
) -> None:
    message = Odometry(header=to_header(START_NS + round(seconds * SECOND), frames[0]), child_frame_id=frames[1])
    message.pose.pose = to_pose_message(pose)
    message.pose.covariance[0] = variance
    odometry._take(message)


def x_m(odometry: OdometryInput, setup: LocalizerSetup, seconds: float) -> float | None:
    found = odometry.reading(setup, START_NS + round(seconds * SECOND))
    return None if found is None else found.T_odom_base.position_m[0]


def test_between_two_readings_it_is_interpolated_and_beside_them_the_near_one_counts(
    odometry: OdometryInput, by_topic: LocalizerSetup
) -> None:
    assert x_m(odometry, by_topic, 0.0) is None
    came(odometry, 0.0, Pose.from_xy_yaw(0.0, 0.0, 3.1))
    came(odometry, 0.5, Pose.from_xy_yaw(2.0, 0.0, -3.1), variance=0.25)
    assert x_m(odometry, by_topic, 0.25) == pytest.approx(1.0)
    found = odometry.reading(by_topic, START_NS + SECOND // 4)
    assert found is not None and not found.axes_known  # the map does not say how its camera sat
    assert found.covariance is not None and found.covariance[0] == 0.25
    assert abs(found.T_odom_base.rotation.as_euler("ZYX")[0]) > 3.13
    assert x_m(odometry, by_topic, 0.6) == 2.0 and x_m(odometry, by_topic, 0.8) is None


def test_time_that_runs_back_and_silence_are_no_motion(odometry: OdometryInput, by_topic: LocalizerSetup) -> None:
    came(odometry, 0.0, Pose((0.0, 0.0, 0.0)))
    came(odometry, 5.0, Pose((5.0, 0.0, 0.0)))
    assert x_m(odometry, by_topic, 2.5) is None
    came(odometry, -50.0, Pose((7.0, 0.0, 0.0)))
    assert x_m(odometry, by_topic, -50.0) == 7.0 and x_m(odometry, by_topic, 5.0) is None
    odometry.forget()
    assert x_m(odometry, by_topic, -50.0) is None


def test_odometry_of_another_frame_of_the_robot_is_moved_to_its_base_where_tf_knows_it(
    odometry: OdometryInput, texture_map: Path, by_topic: LocalizerSetup
) -> None:
    """Of a lidar half a metre ahead that looks to the left."""

    def newest(target: str, source: str) -> tuple[Pose, int]:
        if (target, source) != ("lidar", "base_link"):
            raise ConfigError("TF has no transform", "Wait")
        return Pose.from_xy_yaw(0.5, 0.0, math.pi / 2).inverse(), 0

    tree: Any = SimpleNamespace(newest=newest)
    for child, is_known in (("base_link", True), ("/base_link", True), ("", True), ("lidar", True), ("arm", False)):
        odometry.forget()
        came(odometry, 0.0, Pose.from_xy_yaw(2.0, 0.0, math.pi / 2), frames=("odom", child))
        found = odometry._of_topic(some_setup(texture_map, tree, by_topic), START_NS)
        assert found is not None and (found.axes_known, found.frame_id) == (is_known, "odom")
        moved = (1.5, 0.0, 0.0) if child == "lidar" else (2.0, 0.0, 0.0)
        assert found.T_odom_base.position_m == pytest.approx(moved)


def test_another_frame_or_run_is_not_joined_to_the_one_before(
    odometry: OdometryInput, by_topic: LocalizerSetup
) -> None:
    came(odometry, 0.0, Pose((0.0, 0.0, 0.0)))
    came(odometry, 0.5, Pose((9.0, 0.0, 0.0)), frames=("wheels", ""))
    assert x_m(odometry, by_topic, 0.25) is None and x_m(odometry, by_topic, 0.5) == 9.0


def test_without_a_topic_tf_is_asked(odometry: OdometryInput, texture_map: Path) -> None:
    def lookup(target: str, source: str, stamp_ns: int) -> Pose:
        if stamp_ns > START_NS:
            raise ConfigError("TF has no transform", "Wait")
        return Pose((3.0, 0.0, 0.0))

    tree: Any = SimpleNamespace(lookup=lookup, newest=lambda target, source: (Pose((4.0, 0.0, 0.0)), START_NS))
    setup = some_setup(texture_map, tree)
    odometry.close()
    assert x_m(odometry, setup, 0.0) == 3.0
    assert x_m(odometry, setup, 0.1) == 4.0  # the newest is near enough
    assert x_m(odometry, setup, 1.0) is None
    assert x_m(odometry, some_setup(texture_map, previous=setup), 0.0) is None


def test_the_filter_outlives_other_parameters_and_one_shot_has_none(texture_map: Path) -> None:
    setup = some_setup(texture_map)
    same = some_setup(texture_map, previous=setup, camera_timeout_s=3.0)
    assert same.localizer.place_filter is setup.localizer.place_filter is not None
    other = some_setup(texture_map, None, setup, ("camera",), **{"filter.kidnap_rate": 0.1})
    assert other.localizer.place_filter is not setup.localizer.place_filter
    assert some_setup(texture_map, previous=setup, continuous=False).localizer.place_filter is None
    off = some_setup(texture_map, None, setup, ("camera",), **{"filter.enabled": False})
    assert off.localizer.place_filter is None
