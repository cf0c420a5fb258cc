# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the node needs of others and does not find, and what it is given and does not use."""

from __future__ import annotations

from rclpy.node import Node

from vpr_ros.ros.localizer.odometry_input import odometry_remapped_to

CLOCK_TOPIC = "/clock"


def clock_warning(node: Node) -> str:
    """That simulated time is asked for and does not come, "" where time passes."""
    if not node.get_parameter("use_sim_time").value:
        return ""
    publishers = node.count_publishers(CLOCK_TOPIC)
    if publishers and node.get_clock().now().nanoseconds:
        return ""
    found = f"use_sim_time is true and no time comes on {CLOCK_TOPIC} ({publishers} publishers)"
    return f"{found}: start the simulator, or the player with --clock, or set use_sim_time to false."


def unused_odometry(node: Node) -> str:
    """That somebody remapped ``odom`` in vain, "" where nobody did."""
    topic = odometry_remapped_to(node)
    if not topic:
        return ""
    if not node.get_parameter("filter.enabled").value:
        return f"{topic} is not subscribed to: filter.enabled is false"
    if node.get_parameter("filter.odometry_topic").value:
        return f"{topic} is not subscribed to: filter.odometry_topic names another topic"
    return ""
