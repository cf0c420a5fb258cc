"""Poses of this package as standard ROS messages."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import PoseArray, PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import Path
from std_msgs.msg import Header

from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.core.time_ns import NS_PER_S, from_sec_nanosec, sec_nanosec

MAX_PATH_POSES = 5000
"""RViz and DDS both suffer from longer paths; a larger map is thinned for display only."""
LATEST_NS = 2**31 * NS_PER_S - 1
"""The seconds of ``builtin_interfaces/Time`` are an int32; a map's own clock may count beyond it."""


def to_time(stamp_ns: int) -> Time:
    """Nanoseconds to ``builtin_interfaces/Time``."""
    sec, nanosec = sec_nanosec(stamp_ns)
    return Time(sec=sec, nanosec=nanosec)


def to_ns(stamp: Time) -> int:
    """``builtin_interfaces/Time`` to nanoseconds."""
    return from_sec_nanosec(stamp.sec, stamp.nanosec)


def to_header(stamp_ns: int, frame_id: str) -> Header:
    """Build a ``std_msgs/Header``."""
    return Header(stamp=to_time(stamp_ns), frame_id=frame_id)


def to_pose_message(pose: Pose) -> PoseMessage:
    """Build a ``geometry_msgs/Pose``; an unknown orientation becomes the identity."""
    message = PoseMessage()
    point, quaternion = message.position, message.orientation
    point.x, point.y, point.z = pose.position_m
    quaternion.x, quaternion.y, quaternion.z, quaternion.w = pose.quat_xyzw or IDENTITY_QUAT_XYZW
    return message


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
        pose = PoseStamped(header=to_header(int(taken_ns[i]), frame_id))
        pose.pose = to_pose_message(Pose((x, y, z), (qx, qy, qz, qw)))
        path.poses.append(pose)
    return path
