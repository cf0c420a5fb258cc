# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The filter in the running node: odometry of a topic, what it makes impossible, and what it may say wrongly."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from harness import Diagnostics, GraphClient, StartNode, image_message, texture
from nav_msgs.msg import Odometry
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from vpr_ros.ros.messages import to_header

NODE = "/vpr_localizer"

BY_DISTANCE = "by the distance of the odometry alone"
"""For the map does not say how its camera sat."""


class StandingRobot:
    """Publishes what it sees, and odometry of the same time that says where its wheels have brought it."""

    def __init__(self, client: GraphClient) -> None:
        self._camera = client.node.create_publisher(Image, "/image", qos_profile_sensor_data)
        self._odometry = client.node.create_publisher(Odometry, "/wheels", 10)
        self.place = 5
        self.x_m = 0.0

    def publish(self) -> None:
        stamp_ns = time.time_ns()
        odometry = Odometry(header=to_header(stamp_ns, "odom"), child_frame_id="base_link")
        odometry.pose.pose.position.x = self.x_m
        odometry.pose.pose.orientation.w = 1.0
        self._odometry.publish(odometry)
        self._camera.publish(image_message(texture(self.place), stamp_ns))


def test_odometry_of_a_topic_refuses_a_jump_and_may_be_nonsense(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_localizer("-r", "odom:=/wheels", "-p", "localizer.min_probability:=0.2", map=texture_map)
    robot = StandingRobot(client)

    def says(key: str, part: str = "localizer") -> str:
        return diagnostics.value(part, key)

    client.wait_for(
        lambda: says("motion") == BY_DISTANCE and says("accepted", "camera") not in ("", "0"),
        "an accepted pose by odometry",
        robot.publish,
    )
    assert says("belief off the map") and says("hypotheses").endswith("at frame 5")
    robot.place = 9  # nothing has moved
    client.wait_for(lambda: says("last rejection", "camera") in ("jump", "improbable"), "a refusal", robot.publish)
    robot.x_m = math.nan
    client.wait_for(lambda: "odometry" in says("motion") and "finite" in says("motion"), "the fault", robot.publish)
    robot.x_m, robot.place = 0.0, 5
    assert client.call(Trigger, f"{NODE}/reset").success
    before = int(says("accepted", "camera"))
    client.wait_for(lambda: int(says("accepted", "camera")) > before, "a pose after the reset", robot.publish)
    client.wait_for(lambda: says("motion") == BY_DISTANCE, "odometry again", robot.publish)
