# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A node that answers every image at once with a pose of nothing: the floor under what a localizer can cost over DDS.

It is of no use but to ``benchmark``, which starts it as a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import rclpy
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from vpr_ros.core.command import run_command
from vpr_ros.ros.node_process import run_program


class EmptyNode(Node):
    """Its topics are those of the localizer."""

    def __init__(self) -> None:
        super().__init__("vpr_localizer")
        self._pose = self.create_publisher(PoseWithCovarianceStamped, "~/pose", 10)
        self.create_subscription(Image, "image", self._on_image, qos_profile_sensor_data)

    def _on_image(self, image: Image) -> None:
        self._pose.publish(PoseWithCovarianceStamped(header=image.header))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_answer, sys.argv[1:] if argv is None else argv)


def _answer(argv: Sequence[str]) -> None:
    run_program("empty_node", argv, EmptyNode, rclpy.spin)


if __name__ == "__main__":
    sys.exit(main())
