# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""TF, where ROS is installed. The wheels of a machine without ROS lack tf2_ros, so it is imported late."""

from __future__ import annotations

import importlib
import time
from typing import Any

from rclpy.node import Node
from rclpy.time import Time

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.message_fields import stamp_ns_of, transform_of
from vpr_ros.core.pose import Pose
from vpr_ros.ros.messages import to_transform

FIRST_PATIENCE_S = 1.0
CACHE_NS = 10_000_000_000
"""As far back as tf2 remembers; it refuses what is older."""


class Transforms:
    """Looks transforms up and broadcasts ``map -> odom``, and where the map lies in a grid.

    Attributes:
        logger: of the node that listens.
    """

    def __init__(self, node: Node, tf2_ros: Any) -> None:
        """Listen to /tf and /tf_static; use ``open_transforms``."""
        self.logger: Any = node.get_logger()
        self._node = node
        self._tf2 = tf2_ros
        self._buffer = tf2_ros.Buffer(node=node)
        self._listener = tf2_ros.TransformListener(self._buffer, node)
        self._broadcaster: Any = None
        self._static_broadcaster: Any = None
        self._first_missed_s: float | None = None
        self._restarted = False

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose:
        """``T_target_source`` at this time, interpolated.

        Raises:
            ConfigError: TF does not connect the two frames, or not at this time; tf2's own words say which.
        """
        try:
            pose, _ = self._lookup(target, source, Time(nanoseconds=max(stamp_ns, 0)))
        except ConfigError:
            if self._restarted:
                self._clear_another_run(target, source, stamp_ns)
            raise
        self._restarted = False
        return pose

    def newest(self, target: str, source: str) -> tuple[Pose, int]:
        """The last ``T_target_source`` and its time in nanoseconds, 0 where every transform between them is static.

        Raises:
            ConfigError: TF does not connect the two frames.
        """
        return self._lookup(target, source, Time())

    def others_publish(self) -> bool:
        """Whether somebody else fills the tree."""
        own = sum(one is not None for one in (self._broadcaster, self._static_broadcaster))
        topics = map(self._node.resolve_topic_name, ("/tf", "/tf_static"))
        return sum(map(self._node.count_publishers, topics)) > own

    def may_still_fill(self) -> bool:
        """Whether a frame not known yet is worth a moment's wait: somebody publishes, and the node is new to it.

        The static part of a tree may reach a node after its first image does.
        """
        now_s = time.monotonic()
        if self._first_missed_s is None:
            self._first_missed_s = now_s
        return now_s < self._first_missed_s + FIRST_PATIENCE_S and self.others_publish()

    def restart(self) -> None:
        """Forget what moved: time jumped back, and tf2 would take its past for the future and refuse the present.

        tf2 does so itself where /clock jumps, but not where a recording without one starts over, and not for what is
        still on its way when /clock jumps; so the next look-ups watch for another run's time.
        """
        self._restarted = True
        self._buffer.clear()

    def broadcast(self, T_parent_child: Pose, parent: str, child: str, stamp_ns: int) -> None:
        """Publish one transform on /tf."""
        if self._broadcaster is None:
            # Late, so that `ros2 topic info /tf` lists the node only where it really publishes.
            self._broadcaster = self._tf2.TransformBroadcaster(self._node)
        self._broadcaster.sendTransform(to_transform(T_parent_child, parent, child, stamp_ns))

    def broadcast_static(self, T_parent_child: Pose, parent: str, child: str, stamp_ns: int) -> None:
        """Publish one transform on /tf_static, for who listens now or later."""
        if self._static_broadcaster is None:
            self._static_broadcaster = self._tf2.StaticTransformBroadcaster(self._node)
        self._static_broadcaster.sendTransform(to_transform(T_parent_child, parent, child, stamp_ns))

    def _clear_another_run(self, target: str, source: str, stamp_ns: int) -> None:
        try:
            _, newest_ns = self.newest(target, source)
        except ConfigError:
            return
        if newest_ns > stamp_ns + CACHE_NS:
            self._buffer.clear()

    def _lookup(self, target: str, source: str, moment: Time) -> tuple[Pose, int]:
        target, source = target.lstrip("/"), source.lstrip("/")  # as ROS 1 wrote them, and some drivers still do
        try:
            found = self._buffer.lookup_transform(target, source, moment)
        except self._tf2.TransformException as error:
            raise ConfigError(
                f"TF has no transform {target} -> {source}: {str(error).strip().rstrip('.')}",
                "Start what publishes it, or correct the names of the frames",
            ) from error
        return transform_of(found.transform), stamp_ns_of(found.header.stamp)


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
