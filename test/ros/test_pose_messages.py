"""Poses as messages: the frame, the time and the order of the numbers that other packages rely on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from some_answers import HERE, STAMP_NS, WHERE_ONLY, some_covariance

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from geometry_msgs.msg import Pose as PoseMessage

from vpr_ros.core.pose import Pose
from vpr_ros.ros.pose_messages import (
    MAX_PATH_POSES,
    to_header,
    to_ns,
    to_path,
    to_pose_array,
    to_pose_message,
    to_pose_with_covariance,
    to_time,
)


def numbers(message: PoseMessage) -> list[float]:
    point, turn = message.position, message.orientation
    return [point.x, point.y, point.z, turn.x, turn.y, turn.z, turn.w]


@pytest.mark.parametrize("stamp_ns", [0, 1, 999_999_999, 1_000_000_000, STAMP_NS, 2**31 * 10**9 - 1])
def test_a_stamp_keeps_every_nanosecond(stamp_ns: int) -> None:
    stamp = to_time(stamp_ns)
    assert 0 <= stamp.nanosec < 10**9
    assert stamp.sec * 10**9 + stamp.nanosec == stamp_ns
    assert to_ns(stamp) == stamp_ns


def test_a_header_names_time_and_frame() -> None:
    header = to_header(STAMP_NS, "site")
    assert (header.stamp.sec, header.stamp.nanosec, header.frame_id) == (1_234_567_890, 123_456_789, "site")


def test_a_quaternion_is_written_with_w_last() -> None:
    message = to_pose_message(Pose((1.0, 2.0, 3.0), (0.1, 0.2, 0.3, 0.9)))
    assert numbers(message) == [1.0, 2.0, 3.0, 0.1, 0.2, 0.3, 0.9]


def test_an_unknown_orientation_is_the_identity_and_never_a_quaternion_of_zeros() -> None:
    assert numbers(to_pose_message(WHERE_ONLY)) == [4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("yaw_deg", [179.999, 180.0, -180.0, -179.999])
def test_headings_about_south_west_come_back(yaw_deg: float) -> None:
    turn = to_pose_message(Pose.from_xy_yaw(0.0, 0.0, math.radians(yaw_deg))).orientation
    back = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w])
    assert (back.inv() * Rotation.from_euler("z", yaw_deg, degrees=True)).magnitude() < 1e-9


def test_the_covariance_lies_row_by_row_in_the_order_x_y_z_roll_pitch_yaw() -> None:
    covariance = some_covariance()
    message = to_pose_with_covariance(HERE, covariance, STAMP_NS, "map")
    assert message.header == to_header(STAMP_NS, "map")
    assert numbers(message.pose.pose) == [*HERE.position_m, *(HERE.quat_xyzw or ())]
    sent = list(message.pose.covariance)
    assert [sent[7 * axis] for axis in range(6)] == np.diag(covariance).tolist()
    assert [sent[1], sent[5], sent[35]] == [covariance[0, 1], covariance[0, 5], covariance[5, 5]]
    assert sent == covariance.reshape(-1).tolist()


def test_a_covariance_of_any_layout_in_memory_is_taken() -> None:
    covariance = some_covariance()
    block = np.zeros((12, 12))
    block[::2, ::2] = covariance
    view = block[::2, ::2]
    assert not view.flags.c_contiguous
    sent = to_pose_with_covariance(HERE, view, STAMP_NS, "map").pose.covariance
    np.testing.assert_array_equal(np.asarray(sent).reshape(6, 6), covariance)


def test_a_pose_without_a_covariance_is_not_published() -> None:
    with pytest.raises(ValueError, match="needs a covariance"):
        to_pose_with_covariance(HERE, None, STAMP_NS, "map")


def test_a_pose_array_keeps_the_order() -> None:
    array = to_pose_array((pose for pose in (WHERE_ONLY, HERE)), STAMP_NS, "map")
    assert array.header == to_header(STAMP_NS, "map")
    assert [pose.position.x for pose in array.poses] == [4.0, 1.5]
    assert to_pose_array((), STAMP_NS, "map").poses == []


def test_the_map_s_path_keeps_the_times_of_the_drive_and_unknown_orientations_are_the_identity() -> None:
    position_m = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    quat_xyzw = np.array([[0.0, 0.0, 1.0, 0.0], [np.nan] * 4])
    path = to_path(position_m, quat_xyzw, np.array([5, 10**9 + 7]), STAMP_NS, "site")
    assert path.header == to_header(STAMP_NS, "site")
    assert [to_ns(pose.header.stamp) for pose in path.poses] == [5, 10**9 + 7]
    assert {pose.header.frame_id for pose in path.poses} == {"site"}
    assert numbers(path.poses[0].pose)[3:] == [0.0, 0.0, 1.0, 0.0]
    assert numbers(path.poses[1].pose) == [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("frames", [MAX_PATH_POSES, MAX_PATH_POSES + 1, 3 * MAX_PATH_POSES - 1])
def test_a_large_map_is_thinned_from_end_to_end(frames: int) -> None:
    position_m = np.stack([np.arange(frames, dtype=np.float64), np.zeros(frames), np.zeros(frames)], axis=1)
    quat_xyzw = np.tile([0.0, 0.0, 0.0, 1.0], (frames, 1))
    poses = to_path(position_m, quat_xyzw, np.arange(frames), STAMP_NS, "map").poses
    along_m = np.array([pose.pose.position.x for pose in poses])
    assert MAX_PATH_POSES / 2 <= len(poses) <= MAX_PATH_POSES
    assert along_m[0] == 0.0
    assert len(set(np.diff(along_m))) == 1
    assert frames - 1 - along_m[-1] < along_m[1]
    assert (len(poses) == frames) == (frames <= MAX_PATH_POSES)


def test_a_map_frame_later_than_ros_can_say_is_shown_all_the_same() -> None:
    """The source of a map may count its frames from any origin; only the node's own times must fit."""
    late = np.array([2**31 * 10**9, 2**63 - 1])
    path = to_path(np.zeros((2, 3)), np.tile([0.0, 0.0, 0.0, 1.0], (2, 1)), late, STAMP_NS, "map")
    assert [pose.header.stamp.sec for pose in path.poses] == [2**31 - 1] * 2
