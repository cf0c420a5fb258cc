"""The TF tree of a robot that drives: odometry to base, base to camera. The wheels of a machine without ROS lack it."""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from vpr_ros.core.pose import Pose
from vpr_ros.ros.messages import to_transform

TF_QOS = QoSProfile(depth=100)
STATIC_QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class RobotTf:
    """Broadcasts where the robot and its camera are, or nothing where tf2_msgs is not installed."""

    def __init__(self, node: Node) -> None:
        self._message: Any = None
        try:
            self._message = importlib.import_module("tf2_msgs.msg").TFMessage
        except ImportError:
            node.get_logger().info("no TF is published: tf2_msgs is not installed (it comes with ROS)")
            return
        self._moving = node.create_publisher(self._message, "/tf", TF_QOS)
        self._static = node.create_publisher(self._message, "/tf_static", STATIC_QOS)

    def fix(self, T_parent_child: Pose, parent: str, child: str) -> None:
        """Broadcast a transform that never changes."""
        if self._message is not None:
            transform = to_transform(T_parent_child, parent, child, 0)
            self._static.publish(self._message(transforms=[transform]))

    def move(self, T_parent_child: Pose, parent: str, child: str, stamp_ns: int) -> None:
        """Broadcast where *child* is at one moment."""
        if self._message is not None:
            transform = to_transform(T_parent_child, parent, child, stamp_ns)
            self._moving.publish(self._message(transforms=[transform]))
