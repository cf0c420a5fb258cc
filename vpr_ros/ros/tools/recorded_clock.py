"""A recording's own time on ``/clock``, for nodes with ``use_sim_time``."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

from vpr_ros.ros.messages import to_time

CLOCK_QOS = QoSProfile(depth=10)
PERIOD_NS = 10_000_000
"""At most 100 times per second of the recording."""


class RecordedClock:
    """Publishes the time a player has reached; it stands still while an image is decoded, and jumps back in a loop."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(Clock, "/clock", CLOCK_QOS)
        self._last_ns = -PERIOD_NS

    def reach(self, time_ns: int) -> None:
        """Say that it is *time_ns* now: before the message of that time is published."""
        self._last_ns = time_ns
        self._publisher.publish(Clock(clock=to_time(time_ns)))

    def pass_by(self, time_ns: int) -> None:
        """Say that it is *time_ns* between two messages, unless that was said a moment ago."""
        if not 0 <= time_ns - self._last_ns < PERIOD_NS:
            self.reach(time_ns)
