"""TF, where ROS is installed. The wheels of a machine without ROS lack tf2_ros, so it is imported late."""

from __future__ import annotations

import importlib
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.time import Time

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.ros.pose_messages import to_header


class Transforms:
    """Looks transforms up and broadcasts ``map -> odom``."""

    def __init__(self, node: Node, tf2_ros: Any) -> None:
        """Listen to /tf and /tf_static; use ``open_transforms``."""
        self._tf2 = tf2_ros
        self._buffer = tf2_ros.Buffer(node=node)
        self._listener = tf2_ros.TransformListener(self._buffer, node)
        self._broadcaster = tf2_ros.TransformBroadcaster(node)

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose | None:
        """``T_target_source`` at the time of the image, or the newest where TF has no such time; None if unknown."""
        for time in (Time(nanoseconds=stamp_ns), Time()):
            try:
                transform = self._buffer.lookup_transform(target, source, time).transform
            except self._tf2.TransformException:
                continue
            shift, turn = transform.translation, transform.rotation
            return Pose((shift.x, shift.y, shift.z), (turn.x, turn.y, turn.z, turn.w))
        return None

    def broadcast(self, T_parent_child: Pose, parent: str, child: str, stamp_ns: int) -> None:
        """Publish one transform on /tf."""
        message = TransformStamped(header=to_header(stamp_ns, parent), child_frame_id=child)
        shift, turn = message.transform.translation, message.transform.rotation
        shift.x, shift.y, shift.z = T_parent_child.position_m
        turn.x, turn.y, turn.z, turn.w = T_parent_child.rotation.as_quat().tolist()
        self._broadcaster.sendTransform(message)


def open_transforms(node: Node, *, required_by: str = "") -> Transforms | None:
    """Listen to TF, or None where tf2_ros is not installed.

    Args:
        node: the node that listens.
        required_by: the parameter that cannot do without TF, "" when nothing does.

    Raises:
        ConfigError: tf2_ros is missing and *required_by* needs it.
    """
    try:
        tf2_ros = importlib.import_module("tf2_ros")
    except ImportError as error:
        if required_by:
            raise ConfigError(
                f"parameter {required_by} needs tf2_ros, which is not installed",
                f"Install ros-$ROS_DISTRO-tf2-ros-py, or set {required_by} to false",
            ) from error
        return None
    return Transforms(node, tf2_ros)
