# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What differs between distributions and middlewares."""

from __future__ import annotations

from typing import Any

from harness import FakeCamera, GraphClient
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from vpr_ros.ros.distribution import UnsupportedEventTypeError, subscribe_and_count_lost


class OnAnotherMiddleware(Node):
    """A node on a middleware that does not tell of lost messages, as rclpy says it there."""

    def create_subscription(self, *arguments: Any, **options: Any) -> Any:
        if "event_callbacks" in options:
            raise UnsupportedEventTypeError("Failed to initialize event: RCL_SUBSCRIPTION_MESSAGE_LOST")
        return super().create_subscription(*arguments, **options)


def test_images_come_where_the_middleware_cannot_tell_of_lost_ones(client: GraphClient) -> None:
    node: Node = OnAnotherMiddleware("elsewhere")
    images: list[Image] = []
    client.executor.add_node(node)
    subscribe_and_count_lost(node, Image, "/image", images.append, qos_profile_sensor_data, print)
    client.wait_for(lambda: images, "an image", FakeCamera(client).publish)
    node.destroy_node()
