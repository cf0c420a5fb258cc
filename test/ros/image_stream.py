"""One end of an image stream, as a process: ``image_stream publish|receive WIDTH HEIGHT COUNT``, 30 Hz.

Every frame carries its number in its first pixels. The receiver prints the numbers that arrived as one JSON list.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

RATE_HZ = 30.0
PATIENCE_S = 20.0
SETTLE_S = 0.5


def publish(node: Node, width: int, height: int, count: int) -> None:
    publisher = node.create_publisher(Image, "stream", qos_profile_sensor_data)
    end_s = time.monotonic() + PATIENCE_S
    while publisher.get_subscription_count() == 0 and time.monotonic() < end_s:
        time.sleep(0.02)
    time.sleep(SETTLE_S)  # the other side has to know this one too, and says so to nobody
    pixels = np.zeros(3 * width * height, np.uint8)
    message = Image(width=width, height=height, step=3 * width, encoding="rgb8")
    start_s = time.monotonic()
    for number in range(count):
        while (left_s := start_s + number / RATE_HZ - time.monotonic()) > 0:
            time.sleep(left_s)
        pixels[:8] = np.frombuffer(np.int64(number).tobytes(), np.uint8)
        message.data = pixels.tobytes()
        publisher.publish(message)
    time.sleep(SETTLE_S)


def receive(node: Node, width: int, height: int, count: int) -> None:
    numbers: list[int] = []

    def on_image(message: Image) -> None:
        assert len(message.data) == 3 * width * height
        numbers.append(int(np.frombuffer(message.data[:8], np.int64)[0]))

    node.create_subscription(Image, "stream", on_image, qos_profile_sensor_data)
    print("ready", flush=True)
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s and (not numbers or numbers[-1] < count - 1):
        rclpy.spin_once(node, timeout_sec=0.1)
        if numbers:
            end_s = min(end_s, time.monotonic() + 2.0 + (count - numbers[-1]) / RATE_HZ)
    print(json.dumps(numbers), flush=True)


def main() -> None:
    role, (width, height, count) = sys.argv[1], map(int, sys.argv[2:5])
    rclpy.init(args=[])
    node = Node(f"stream_{role}")
    {"publish": publish, "receive": receive}[role](node, width, height, count)
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
