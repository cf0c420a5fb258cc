# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One end of an image stream, as a process: ``image_stream publish|receive|film WIDTH HEIGHT COUNT``.

The publisher sends bursts of five images, as many as the queue of sensor data holds, and goes on when the receiver has
heard all of a burst. It waits for that and for nothing else, so that a busy machine is slow and loses nothing. Every
image carries its number in its first pixels; the publisher prints the numbers that were heard as one JSON list.
COUNT is of bursts; ``film`` is a camera of 30 Hz instead, which hears nobody and sends COUNT images.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Int64

BURST = 5
HEARD_QOS = QoSProfile(depth=100)
DEADLINE_S = 20.0
PROBE_S = 0.5
NUMBER_BYTES = 8
RATE_HZ = 30.0


class Publisher:
    """Sends numbered images and hears which of them arrived."""

    def __init__(self, node: Node, width: int, height: int) -> None:
        self.heard: list[int] = []
        self._node = node
        self._pixels = np.zeros(3 * width * height, np.uint8)
        self._message = Image(width=width, height=height, step=3 * width, encoding="rgb8")
        self._publisher = node.create_publisher(Image, "stream", qos_profile_sensor_data)
        node.create_subscription(Int64, "heard", self._on_heard, HEARD_QOS)

    def _on_heard(self, message: Int64) -> None:
        self.heard.append(message.data)

    def send(self, number: int) -> None:
        self._pixels[:NUMBER_BYTES] = np.frombuffer(np.int64(number).tobytes(), np.uint8)
        self._message.data = self._pixels.tobytes()
        self._publisher.publish(self._message)

    def wait_for(self, condition: Callable[[], bool], deadline_s: float) -> bool:
        end_s = time.monotonic() + deadline_s
        while not condition() and time.monotonic() < end_s:
            rclpy.spin_once(self._node, timeout_sec=0.05)
        return condition()

    def has_listener(self) -> bool:
        return bool(self._publisher.get_subscription_count())

    def meet(self) -> bool:
        """Probe until the newest probe comes back: then both sides know each other, and nothing is under way."""
        end_s, probe = time.monotonic() + DEADLINE_S, 0
        while time.monotonic() < end_s:
            probe -= 1
            self.send(probe)
            if self.wait_for(lambda sent=probe: sent in self.heard, PROBE_S):  # type: ignore[misc]
                return True
        return False


def publish(node: Node, width: int, height: int, bursts: int) -> None:
    publisher = Publisher(node, width, height)
    assert publisher.meet(), "the receiver heard no image at all"
    for burst in range(bursts):
        numbers = range(BURST * burst, BURST * (burst + 1))
        for number in numbers:
            publisher.send(number)
        if not publisher.wait_for(lambda sent=numbers: set(sent) <= set(publisher.heard), DEADLINE_S):  # type: ignore[misc]
            break
    print(json.dumps([number for number in publisher.heard if number >= 0]), flush=True)


def receive(node: Node, width: int, height: int, _bursts: int) -> None:
    heard = node.create_publisher(Int64, "heard", HEARD_QOS)

    def on_image(message: Image) -> None:
        assert len(message.data) == 3 * width * height
        heard.publish(Int64(data=int(np.frombuffer(message.data[:NUMBER_BYTES], np.int64)[0])))

    node.create_subscription(Image, "stream", on_image, qos_profile_sensor_data)
    print("ready", flush=True)
    rclpy.spin(node)  # until the test ends it


def film(node: Node, width: int, height: int, images: int) -> None:
    publisher = Publisher(node, width, height)
    assert publisher.wait_for(publisher.has_listener, DEADLINE_S), "nobody subscribed"
    start_s = time.monotonic()
    for number in range(images):
        while (left_s := start_s + number / RATE_HZ - time.monotonic()) > 0:
            time.sleep(left_s)
        publisher.send(number)


def main() -> None:
    role, (width, height, bursts) = sys.argv[1], map(int, sys.argv[2:5])
    rclpy.init(args=[])
    node = Node(f"stream_{role}")
    {"publish": publish, "receive": receive, "film": film}[role](node, width, height, bursts)
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
