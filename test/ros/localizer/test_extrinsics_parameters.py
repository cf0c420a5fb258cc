"""Where a camera sits, as numbers in a parameter file: two ways to write it, and nothing that is no pose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.ros.localizer.parameters import Settings, build_settings, extrinsics_spec, node_specs

QUARTER = math.pi / 2


def settings(numbers: Any) -> Settings:
    values = {name: spec.default for name, spec in node_specs().items()}
    spec = extrinsics_spec("camera")
    return build_settings({**values, spec.name: spec.checked(numbers)})


def extrinsics(numbers: Any) -> Pose | None:
    return settings(numbers).extrinsics["camera"]


def test_no_numbers_are_unknown_extrinsics() -> None:
    assert extrinsics([]) is None


def test_roll_pitch_yaw_are_about_fixed_axes_as_ros_has_them() -> None:
    """-90 degrees of roll and of yaw make the optical frame of a camera that looks ahead (REP 103)."""
    pose = extrinsics([0.3, 0.0, 1.2, -QUARTER, 0, -QUARTER])
    assert pose is not None
    assert pose.position_m == (0.3, 0.0, 1.2)
    for optical, base in (((0, 0, 1), (1, 0, 0)), ((1, 0, 0), (0, -1, 0)), ((0, 1, 0), (0, 0, -1))):
        np.testing.assert_allclose(pose.rotation.apply(optical), base, atol=1e-12)


def test_a_quaternion_has_its_w_last_and_any_length() -> None:
    pose = extrinsics([0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0])
    assert pose is not None
    assert pose.angle_rad(Pose.from_xy_yaw(0.0, 0.0, QUARTER)) < 1e-12
    assert np.linalg.norm(pose.quat_xyzw or ()) == pytest.approx(1.0)


@pytest.mark.parametrize("numbers", [[1.0], [0.0] * 5, [0.0] * 7, [0.0] * 8])
def test_what_is_no_pose_is_refused_with_both_ways_to_write_one(numbers: list[float]) -> None:
    with pytest.raises(ConfigError, match=rf"T_base_camera\.camera has {len(numbers)} numbers") as caught:
        extrinsics(numbers)
    assert "qx qy qz qw" in caught.value.remedy
    assert "roll pitch yaw" in caught.value.remedy


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ([1e308, 1e308, 1e308, 0, 0, 0, 1], "expected 300 m at most|not finite"),
        ([6.4e6, 0, 0, 0, 0, 0, 1], "is 6.4e.06 m from the base, expected 300 m at most"),
        ([1e308] * 7, "has 7 numbers"),
        ([301.0, 0, 0, 0, 0, 0], "is 301 m from the base"),
    ],
)
def test_a_camera_that_cannot_sit_there_is_refused(numbers: list[float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        extrinsics(numbers)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 5])
def test_numbers_that_are_not_finite_are_refused(number: float, place: int) -> None:
    numbers = [0.0] * 6
    numbers[place] = number
    with pytest.raises(ConfigError, match=rf"is \[.*{number}.*\], expected a list of finite numbers"):
        extrinsics(numbers)


@pytest.mark.parametrize("value", ["0 0 0 0 0 0", [True] * 6, ["0"] * 6, 1.0])
def test_what_is_no_list_of_numbers_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="expected a list"):
        extrinsics(value)
