"""What the node says: a pose as others read it, a cloud that RViz and numpy read alike, and words that say why."""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt
import pytest
from some_answers import HERE, STAMP_NS, WHERE_ONLY, accepted, rejected, some_covariance, some_matches

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from geometry_msgs.msg import Pose as PoseMessage
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2, PointField
from std_srvs.srv import Trigger

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.message_fields import stamp_ns_of
from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.ros.localizer.failures import Failure, FailureType
from vpr_ros.ros.localizer.image_job import Answer, Outcome
from vpr_ros.ros.localizer.output_messages import (
    MATCH_COLUMNS,
    MATCH_DTYPE,
    MAX_PATH_POSES,
    to_match_cloud,
    to_path,
    to_pose_array,
    to_pose_with_covariance,
    to_trigger_response,
)
from vpr_ros.ros.messages import to_header

NUMPY_NAMES = {PointField.FLOAT32: "<f4", PointField.UINT32: "<u4"}


def numbers(message: PoseMessage) -> list[float]:
    point, turn = message.position, message.orientation
    return [point.x, point.y, point.z, turn.x, turn.y, turn.z, turn.w]


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
    assert [stamp_ns_of(pose.header.stamp) for pose in path.poses] == [5, 10**9 + 7]
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


def as_a_stranger_reads_it(cloud: PointCloud2) -> npt.NDArray[np.void]:
    """Every point, from nothing but what the message says about itself."""
    dtype = np.dtype(
        {
            "names": [item.name for item in cloud.fields],
            "formats": [NUMPY_NAMES[item.datatype] for item in cloud.fields],
            "offsets": [item.offset for item in cloud.fields],
            "itemsize": cloud.point_step,
        }
    )
    return np.frombuffer(bytes(cloud.data), dtype)


def test_the_message_describes_itself() -> None:
    cloud = to_match_cloud(some_matches(), STAMP_NS, "site")
    assert cloud.header == to_header(STAMP_NS, "site")
    assert (cloud.height, cloud.width, cloud.row_step) == (1, 2, 2 * cloud.point_step)
    assert len(cloud.data) == cloud.row_step * cloud.height
    assert [item.name for item in cloud.fields] == [*MATCH_COLUMNS, "frame_id"]
    assert {item.count for item in cloud.fields} == {1}
    assert not cloud.is_bigendian
    assert cloud.is_dense


def test_each_match_is_a_point_best_first() -> None:
    cloud = to_match_cloud(some_matches(), STAMP_NS, "map")
    first, second = as_a_stranger_reads_it(cloud)
    np.testing.assert_allclose([first["x"], first["y"], first["z"]], HERE.position_m)
    np.testing.assert_allclose([first[name] for name in ("qx", "qy", "qz", "qw")], HERE.quat_xyzw or (), rtol=1e-6)
    assert [first["similarity"], second["similarity"]] == pytest.approx([0.9, 0.8])
    assert [first["probability"], second["probability"]] == pytest.approx([0.75, 0.5])
    assert [first["frame_id"], second["frame_id"]] == [40, 41]
    assert [second["x"], second["y"], second["z"]] == [4.0, 5.0, 6.0]
    np.testing.assert_array_equal(as_a_stranger_reads_it(cloud), np.frombuffer(bytes(cloud.data), MATCH_DTYPE))


def test_an_unknown_orientation_is_the_identity() -> None:
    point = as_a_stranger_reads_it(to_match_cloud(some_matches(), STAMP_NS, "map"))[1]
    assert [point[name] for name in ("qx", "qy", "qz", "qw")] == [0.0, 0.0, 0.0, 1.0]


def test_a_map_frame_beyond_what_a_float_can_count_keeps_its_number() -> None:
    odd = 2**24 + 1
    match = some_matches()[0]
    many = type(match)(odd, match.similarity, match.probability, match.T_map_base, match.name, match.camera)
    assert as_a_stranger_reads_it(to_match_cloud([many], STAMP_NS, "map"))["frame_id"].tolist() == [odd]


def test_no_match_is_an_empty_cloud_with_its_fields() -> None:
    cloud = to_match_cloud((), STAMP_NS, "map")
    assert (cloud.height, cloud.width, cloud.row_step, len(cloud.data)) == (1, 0, 0, 0)
    assert cloud.point_step == MATCH_DTYPE.itemsize
    assert len(cloud.fields) == len(MATCH_COLUMNS) + 1


def answered(outcome: Localization | Outcome | Failure) -> Trigger.Response:
    """The answer, beginning from one that says the opposite."""
    if isinstance(outcome, Localization):
        outcome = Answer(outcome, "site")
    success = isinstance(outcome, Answer) and outcome.localization.accepted
    return to_trigger_response(Trigger.Response(success=not success), outcome)


def test_an_accepted_pose_is_told_with_frame_probability_and_time() -> None:
    response = answered(accepted())
    assert response.success
    assert response.message == (
        "x 1.500 y -2.000 z 0.250 m, yaw 30.0 deg in site, probability 0.88, image of 1234567890.123 s"
    )


def test_an_unknown_orientation_has_no_yaw() -> None:
    response = answered(accepted(Pose(WHERE_ONLY.position_m), orientation_known=False))
    assert response.success
    assert response.message.startswith("x 4.000 y 5.000 z 6.000 m in site")
    assert "yaw" not in response.message


@pytest.mark.parametrize("yaw_deg", [180.0, -180.0, 179.99, -179.99, 90.0, 0.0])
def test_the_yaw_is_right_about_south_west_too(yaw_deg: float) -> None:
    found = re.search(r"yaw (-?[0-9.]+) deg", answered(accepted(Pose.from_xy_yaw(0, 0, math.radians(yaw_deg)))).message)
    assert found is not None
    assert math.remainder(float(found[1]) - yaw_deg, 360.0) == pytest.approx(0.0, abs=0.06)


@pytest.mark.parametrize("pitch_deg", [90.0, -90.0, 89.9999999])
def test_a_robot_on_its_nose_is_an_answer_too(pitch_deg: float) -> None:
    """Yaw has no meaning there; a warning of scipy on every call would have none either."""
    upright = Pose.from_rotation((1.0, 2.0, 3.0), Rotation.from_euler("ZYX", [30.0, pitch_deg, 0.0], degrees=True))
    response = answered(accepted(upright))
    assert response.success
    assert re.match(r"x 1\.000 y 2\.000 z 3\.000 m, yaw -?[0-9.]+ deg in site", response.message)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (rejected(), "unknown (no_candidate): no candidate within 3 m of the prior"),
        (
            rejected(HERE, matches=some_matches()),
            "unknown (improbable): similarity 0.90, probability 0.12, below 0.50: "
            "another place looks almost as similar (1.02 times as far)",
        ),
    ],
)
def test_a_rejected_answer_says_its_type_and_why_and_gives_no_pose(answer: Localization, message: str) -> None:
    response = answered(answer)
    assert not response.success
    assert response.message == message


def test_an_error_is_told_with_its_remedy() -> None:
    response = answered(FrameDecodeError("truncated image", "Check the driver"))
    assert not response.success
    assert response.message == "failed (image_unreadable): truncated image. Check the driver."


def test_a_defect_is_told_as_one() -> None:
    response = answered(KeyError("pose"))
    assert not response.success
    assert response.message.startswith("failed (other): KeyError")
    assert "report" in response.message


def test_a_node_that_was_stopped_meanwhile_says_so() -> None:
    response = answered(None)
    assert not response.success
    assert response.message.startswith("failed (stopped): the node stopped before")
    assert "Activate" in response.message


def test_why_no_image_was_asked_about_is_told_with_its_type() -> None:
    response = answered(Failure(FailureType.NO_IMAGE, "no image on /image within the last 2 s. Check the camera."))
    assert not response.success
    assert response.message == "failed (no_image): no image on /image within the last 2 s. Check the camera."
