# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the distributions of ROS 2 do differently: names they keep in different places are imported here alone.

All other names this package imports are the same in Humble, Jazzy and Kilted; ``test/ros/test_humble.py`` holds that.
"""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

try:
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks, UnsupportedEventTypeError

__all__ = ["SubscriptionEventCallbacks", "UnsupportedEventTypeError", "byte_field", "subscribe_and_count_lost"]


def byte_field(content: bytes) -> array.array[int]:
    """Bytes as the ``uint8[]`` of a message: Humble looks at bytes one by one, a tenth of a second for an image."""
    return array.array("B", content)


def subscribe_and_count_lost(
    node: Node,
    kind: type,
    topic: str,
    callback: Callable[[Any], None],
    qos: QoSProfile,
    on_lost: Callable[[Any], None],
) -> Any:
    """Subscribe, and hear of lost messages where the middleware can tell; not every one can."""
    try:
        events = SubscriptionEventCallbacks(message_lost=on_lost)
        return node.create_subscription(kind, topic, callback, qos, event_callbacks=events)
    except UnsupportedEventTypeError:
        return node.create_subscription(kind, topic, callback, qos)
