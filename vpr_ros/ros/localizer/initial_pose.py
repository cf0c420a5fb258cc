# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``initialpose``: one accepted pose for AMCL or Nav2, handed over when somebody is there to take it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile

OLDEST_S = 10.0
"""AMCL carries a pose on to the present with the odometry that TF remembers, which is ten seconds; from an older one
the robot may have driven away."""
_TOOLS = ("_ros2cli", "rosbag2")
"""Nodes whose names begin so listen too, and start nothing."""


class InitialPose:
    """Keeps the newest accepted pose until a subscriber is matched, and hands over one.

    ``ros2 topic echo`` and a recorder are shown it as well, but it is not theirs: it stays for the one that needs it.
    """

    def __init__(self, node: LifecycleNode, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the publisher; it is silent until the node is active."""
        self._node = node
        self._clock = clock
        self._publisher = node.create_lifecycle_publisher(
            PoseWithCovarianceStamped, "initialpose", QoSProfile(depth=10)
        )
        self._lock = threading.Lock()
        self._wanted = False
        self._handed_over_s: float | None = None
        self._newest: tuple[PoseWithCovarianceStamped, float] | None = None
        self._shown = False

    def rearm(self) -> None:
        """Hand over again, and none of the poses until now."""
        with self._lock:
            self._newest, self._handed_over_s, self._shown = None, None, False

    def forget(self) -> None:
        """Let go of the newest pose: it is one of another map, or of a node that was switched off meanwhile."""
        with self._lock:
            self._newest = None

    def accept(self, pose: PoseWithCovarianceStamped, wanted: bool) -> None:
        """Take note of an accepted pose; *wanted* is the parameter ``hand_over_initialpose``."""
        with self._lock:
            self._newest = (pose, self._clock())
        self.offer(wanted)

    def offer(self, wanted: bool) -> None:
        """Hand over if a subscriber is there and the newest pose is not too old; to be called now and then."""
        with self._lock:
            self._wanted = wanted
            if not wanted or self._handed_over_s is not None or not self._publisher.is_activated:
                return
            age_s = self._age_s()
            if self._newest is None or age_s is None or age_s > OLDEST_S:
                return
            takers = self._subscribers()
            if not takers:
                return
            real = [name for name in takers if not name.startswith(_TOOLS)]
            if not real and self._shown:
                return
            self._publisher.publish(self._newest[0])
            self._shown = True
            if real:
                self._handed_over_s = self._clock()
        if real:
            self._node.get_logger().info(
                f"the initial pose was handed over on {self._publisher.topic_name} to {', '.join(real)}, "
                f"{age_s:.1f} s after its image was localized"
            )

    def describe(self) -> str:
        """How far the hand-over is, for the diagnostics; "" where it is not asked for."""
        with self._lock:
            age_s = self._age_s()
            if not self._wanted:
                return ""
            if self._handed_over_s is not None:
                return f"handed over {self._clock() - self._handed_over_s:.0f} s ago; ~/reset allows another"
            topic = self._publisher.topic_name
            if age_s is None:
                return f"waits for an accepted pose, then for a subscriber of {topic}"
            if age_s > OLDEST_S:
                return (
                    f"the last accepted pose is {age_s:.0f} s old, which is too old: waits for another, "
                    f"then for a subscriber of {topic}"
                )
            return f"waits for a subscriber of {topic}"

    def _age_s(self) -> float | None:
        return None if self._newest is None else self._clock() - self._newest[1]

    def _subscribers(self) -> list[str]:
        """The names of the nodes that the publisher is matched with."""
        publisher: Any = self._publisher
        if not publisher.get_subscription_count():
            return []
        return [info.node_name for info in self._node.get_subscriptions_info_by_topic(publisher.topic_name)]
