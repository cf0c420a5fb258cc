"""What the node says, as messages: the map, an answer's pose and matches, and the words of ``~/localize``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from geometry_msgs.msg import PoseArray, PoseWithCovarianceStamped
from nav_msgs.msg import Path
from sensor_msgs.msg import PointCloud2, PointField
from std_srvs.srv import Trigger

from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.localization import Localization, Match
from vpr_ros.localization.sentences import answer_sentence, verdict
from vpr_ros.ros.distribution import byte_field
from vpr_ros.ros.error_log import sentence
from vpr_ros.ros.localizer.failures import Failure, FailureType, failure_type
from vpr_ros.ros.localizer.image_job import Answer, Outcome
from vpr_ros.ros.messages import to_header, to_pose_message, to_pose_stamped

MAX_PATH_POSES = 5000
"""RViz and DDS both suffer from longer paths; a larger map is thinned for display only."""
LATEST_NS = 2**31 * NS_PER_S - 1
"""The seconds of ``builtin_interfaces/Time`` are an int32; a map's own clock may count beyond it."""
MATCH_COLUMNS = (
    "x", "y", "z", "qx", "qy", "qz", "qw", "similarity", "probability", "inliers",
)  # fmt: skip
MATCH_DTYPE = np.dtype([(name, "<f4") for name in MATCH_COLUMNS] + [("frame_id", "<u4")])
"""One point of ``~/matches``: metres in the map frame, 0..1 for similarity and probability, index of the map frame.

``inliers`` is to come: it is 0 until a ``Verifier`` counts some.
"""

_POINT_FIELD_TYPES = {"f": PointField.FLOAT32, "u": PointField.UINT32}


def to_path(
    position_m: npt.NDArray[np.float64],
    quat_xyzw: npt.NDArray[np.float64],
    map_stamp_ns: npt.NDArray[np.int64],
    stamp_ns: int,
    frame_id: str,
) -> Path:
    """Build the map's trajectory, thinned to ``MAX_PATH_POSES``.

    Args:
        position_m: (N, 3) metres in the map frame.
        quat_xyzw: (N, 4); a row of NaN is an unknown orientation.
        map_stamp_ns: (N,) when the map's frames were taken.
        stamp_ns: time of the message.
        frame_id: the map frame.
    """
    path = Path(header=to_header(stamp_ns, frame_id))
    stride = max(1, math.ceil(len(position_m) / MAX_PATH_POSES))
    known = np.asarray(np.isfinite(quat_xyzw).all(axis=1))
    taken_ns = np.clip(map_stamp_ns, 0, LATEST_NS)
    for i in range(0, len(position_m), stride):
        x, y, z = position_m[i].tolist()
        qx, qy, qz, qw = quat_xyzw[i].tolist() if known[i] else IDENTITY_QUAT_XYZW
        path.poses.append(to_pose_stamped(Pose((x, y, z), (qx, qy, qz, qw)), int(taken_ns[i]), frame_id))
    return path


def to_pose_with_covariance(
    pose: Pose, covariance: npt.NDArray[np.float64] | None, stamp_ns: int, frame_id: str
) -> PoseWithCovarianceStamped:
    """Build the estimate's message.

    Args:
        pose: T_map_base.
        covariance: (6, 6) in the order x y z roll pitch yaw, m^2 and rad^2.
        stamp_ns: time of the image.
        frame_id: the map frame.

    Raises:
        ValueError: *covariance* is None; a pose without one must not be published, an EKF reads zeros as certainty.
    """
    if covariance is None:
        raise ValueError("an accepted pose needs a covariance")
    message = PoseWithCovarianceStamped(header=to_header(stamp_ns, frame_id))
    message.pose.pose = to_pose_message(pose)
    message.pose.covariance = np.ascontiguousarray(covariance, dtype=np.float64).reshape(36)
    return message


def to_pose_array(poses: Iterable[Pose], stamp_ns: int, frame_id: str) -> PoseArray:
    """Build a ``geometry_msgs/PoseArray``."""
    return PoseArray(header=to_header(stamp_ns, frame_id), poses=[to_pose_message(pose) for pose in poses])


def to_match_cloud(matches: Sequence[Match], stamp_ns: int, frame_id: str) -> PointCloud2:
    """Build ``~/matches``, best match first."""
    table = np.zeros(len(matches), MATCH_DTYPE)
    for row, match in zip(table, matches, strict=True):
        pose = match.T_map_base
        row["x"], row["y"], row["z"] = pose.position_m
        row["qx"], row["qy"], row["qz"], row["qw"] = pose.quat_xyzw or IDENTITY_QUAT_XYZW
        row["similarity"], row["probability"] = match.similarity, match.probability
        row["inliers"] = getattr(match, "inliers", 0)
        row["frame_id"] = match.frame_index
    cloud = PointCloud2(header=to_header(stamp_ns, frame_id))
    cloud.height, cloud.width = 1, len(table)
    cloud.fields = _match_fields()
    cloud.point_step, cloud.row_step = MATCH_DTYPE.itemsize, table.nbytes
    cloud.is_dense = True
    cloud.data = byte_field(table.tobytes())
    return cloud


def to_trigger_response(response: Trigger.Response, outcome: Outcome | Failure) -> Trigger.Response:
    """Fill *response*: success means an accepted pose, the message says which, or why there is none.

    Args:
        response: to be filled.
        outcome: of the image that was asked about, or why there is none to ask about.
    """
    if isinstance(outcome, Answer):
        response.success = outcome.localization.accepted
        response.message = _describe(*outcome)
        return response
    if outcome is None:
        outcome = Failure(FailureType.STOPPED, "the node stopped before there was an answer. Activate it again.")
    elif isinstance(outcome, Exception):
        outcome = Failure(failure_type(outcome), sentence(outcome))
    response.success, response.message = False, str(outcome)
    return response


def _match_fields() -> list[PointField]:
    columns: Mapping[str, Any] = MATCH_DTYPE.fields or {}
    fields = []
    for name, (column, offset, *_) in columns.items():
        fields.append(PointField(name=name, offset=offset, datatype=_POINT_FIELD_TYPES[column.kind], count=1))
    return fields


def _describe(localization: Localization, map_frame: str) -> str:
    pose = localization.T_map_base
    if not localization.accepted or pose is None:
        return f"{verdict(localization)}: {answer_sentence(localization)}"
    x, y, z = pose.position_m
    text = f"x {x:.3f} y {y:.3f} z {z:.3f} m"
    if localization.orientation_known:
        forward = pose.rotation.apply((1.0, 0.0, 0.0))
        text += f", yaw {math.degrees(math.atan2(forward[1], forward[0])):.1f} deg"
    stamp_s = localization.stamp_ns / NS_PER_S
    return f"{text} in {map_frame}, probability {localization.probability:.2f}, image of {stamp_s:.3f} s"
