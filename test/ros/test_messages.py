"""Times, poses and images as messages: the frame, time and order of the numbers that other packages rely on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from some_answers import STAMP_NS, WHERE_ONLY

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from geometry_msgs.msg import Pose as PoseMessage

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.message_fields import decode_message, stamp_ns_of
from vpr_ros.core.pose import Pose
from vpr_ros.ros.messages import (
    to_camera_info,
    to_compressed_image,
    to_header,
    to_image_message,
    to_pose_message,
    to_time,
    to_transform,
)


def numbers(message: PoseMessage) -> list[float]:
    point, turn = message.position, message.orientation
    return [point.x, point.y, point.z, turn.x, turn.y, turn.z, turn.w]


@pytest.mark.parametrize("stamp_ns", [0, 1, 999_999_999, 1_000_000_000, STAMP_NS, 2**31 * 10**9 - 1])
def test_a_stamp_keeps_every_nanosecond(stamp_ns: int) -> None:
    stamp = to_time(stamp_ns)
    assert 0 <= stamp.nanosec < 10**9
    assert stamp.sec * 10**9 + stamp.nanosec == stamp_ns
    assert stamp_ns_of(stamp) == stamp_ns


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


def test_a_transform_takes_the_child_s_points_to_its_parent() -> None:
    transform = to_transform(Pose((1.0, 2.0, 3.0), (0.0, 0.6, 0.0, 0.8)), "odom", "base_link", STAMP_NS)
    assert (transform.header, transform.child_frame_id) == (to_header(STAMP_NS, "odom"), "base_link")
    shift, turn = transform.transform.translation, transform.transform.rotation
    assert (shift.x, shift.y, shift.z) == (1.0, 2.0, 3.0)
    assert [turn.x, turn.y, turn.z, turn.w] == pytest.approx([0.0, 0.6, 0.0, 0.8])


def test_an_image_message_holds_the_same_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 65, 3), dtype=np.uint8)
    message = to_image_message(picture, STAMP_NS, "map")
    assert message.header == to_header(STAMP_NS, "map")
    assert (message.height, message.width, message.encoding, message.step) == (48, 65, "rgb8", 195)
    assert len(message.data) == message.step * message.height
    np.testing.assert_array_equal(decode_message(message, "camera", is_compressed=False), picture)
    mirrored = to_image_message(picture[:, ::-1], STAMP_NS, "map")
    np.testing.assert_array_equal(decode_message(mirrored, "camera", is_compressed=False), picture[:, ::-1])


def test_a_compressed_image_keeps_its_colours() -> None:
    picture = np.full((48, 64, 3), (200, 30, 60), np.uint8)
    message = to_compressed_image(picture, STAMP_NS, "camera")
    assert message.header == to_header(STAMP_NS, "camera")
    np.testing.assert_allclose(decode_message(message, "camera", is_compressed=True), picture, atol=3)


def test_intrinsics_are_written_row_by_row() -> None:
    info = to_camera_info(CameraIntrinsics(640, 480, 400.0, 410.0, 320.0, 240.0), STAMP_NS, "camera")
    assert (info.header, info.width, info.height) == (to_header(STAMP_NS, "camera"), 640, 480)
    assert list(info.k) == [400.0, 0.0, 320.0, 0.0, 410.0, 240.0, 0.0, 0.0, 1.0]
    assert list(info.p) == [400.0, 0.0, 320.0, 0.0, 0.0, 410.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert (list(info.r), list(info.d)) == ([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], [0.0] * 5)
