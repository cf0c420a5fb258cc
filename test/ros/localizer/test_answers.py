"""``~/localize`` in words: success is an accepted pose and nothing else, and every other answer says why."""

from __future__ import annotations

import math
import re

import pytest
from some_answers import HERE, WHERE_ONLY, accepted, rejected, some_matches

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from scipy.spatial.transform import Rotation
from std_srvs.srv import Trigger

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.pose import Pose
from vpr_ros.ros.localizer.answers import to_trigger_response


def answered(outcome: object) -> Trigger.Response:
    """The answer, beginning from one that says the opposite."""
    return to_trigger_response(Trigger.Response(success=not getattr(outcome, "accepted", False)), outcome, "site")


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
def test_a_rejected_answer_says_its_type_and_why_and_gives_no_pose(answer: object, message: str) -> None:
    response = answered(answer)
    assert not response.success
    assert response.message == message


def test_an_error_is_told_with_its_remedy() -> None:
    response = answered(FrameDecodeError("truncated image", "Check the driver"))
    assert not response.success
    assert response.message == "truncated image. Check the driver."


def test_a_defect_is_told_as_one() -> None:
    response = answered(KeyError("pose"))
    assert not response.success
    assert "KeyError" in response.message
    assert "report" in response.message


def test_a_node_that_was_stopped_meanwhile_says_so() -> None:
    response = answered(None)
    assert not response.success
    assert "stopped before" in response.message
    assert "Activate" in response.message
