# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Subscriptions of one camera: raw, compressed, or whichever delivers."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from vpr_ros.core.message_fields import stamp_ns_of
from vpr_ros.ros.distribution import subscribe_and_count_lost
from vpr_ros.ros.localizer.camera_info_input import CameraInfoInput
from vpr_ros.ros.localizer.image_gaps import ImageGaps, lost_now
from vpr_ros.ros.localizer.image_job import Camera, ImageJob, ImageMessage
from vpr_ros.ros.localizer.setup import LocalizerSetup

IMAGE_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Sensor-data QoS with a queue of one: an image that waited behind another is an old image."""

HAND_OVER_S = 1e-5
"""The executor has more to do after a callback, in the interpreter that the worker waits for: half a millisecond."""
TELL_GAPS_EVERY_S = 30.0
_TYPES = {"raw": Image, "compressed": CompressedImage}


class CameraInput(Camera):
    """Turns the messages of one camera into jobs and counts them.

    Attributes:
        topic: resolved name of the raw image topic.
        gaps: what did not arrive.
        newest: the last job, for one-shot localization; None before the first image.
    """

    def __init__(
        self, node: Node, name: str, setup: LocalizerSetup, topic: str, transport: str, sink: Callable[[ImageJob], None]
    ) -> None:
        """Subscribe and give every image to *sink*, in the executor's thread."""
        self._info_input = CameraInfoInput(node, name, topic)
        super().__init__(name, setup, info=self._info_input)
        self.gaps = ImageGaps()
        self.newest: ImageJob | None = None
        self._node = node
        self._sink = sink
        self._wanted = ("raw", "compressed") if transport == "auto" else (transport,)
        self._topics = {"raw": node.resolve_topic_name(topic), "compressed": _compressed_topic(node, topic)}
        self.topic = self._topics[self._wanted[0]]
        self._delivering: str | None = None
        self._told_gaps, self._tell_gaps_s = False, 0.0
        self._subscriptions: dict[str, Any] = {}
        self._subscribe()
        self._info_input.listen(setup.localizer.verifies)

    @property
    def subscribed_topics(self) -> list[str]:
        """Topics listened to at the moment."""
        return [self._topics[kind] for kind in self._subscriptions]

    def publishers(self) -> int:
        """How many publishers the camera's topics have, whatever their QoS."""
        return sum(self._node.count_publishers(self._topics[kind]) for kind in self._wanted)

    def settle(self, silent_after_s: float) -> None:
        """Keep the transport that delivers and drop the other; listen to both again when the camera went silent.

        To ``camera_info`` only where the setup has a use for it.
        """
        self._info_input.listen(self.setup.localizer.verifies)
        silent_s = self.statistics.silent_s()
        if silent_s is None:
            return
        if silent_s > silent_after_s:
            self._delivering = None
            self._subscribe()
        elif self._delivering is not None:
            for kind in set(self._subscriptions) - {self._delivering}:
                self._node.destroy_subscription(self._subscriptions.pop(kind))

    def tell_gaps(self) -> None:
        """Log that images do not arrive, and that they do again, at most once in a while."""
        fault, now_s = self.gaps.fault(), time.monotonic()
        if bool(fault) == self._told_gaps or now_s < self._tell_gaps_s:
            return
        self._told_gaps, self._tell_gaps_s = bool(fault), now_s + TELL_GAPS_EVERY_S
        if fault:
            self._node.get_logger().warning(f"camera {self.name}: {fault}")
        else:
            self._node.get_logger().info(f"camera {self.name}: its images arrive whole again")

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        self._info_input.close()

    def _subscribe(self) -> None:
        for kind in self._wanted:
            if kind not in self._subscriptions:
                self._subscriptions[kind] = subscribe_and_count_lost(
                    self._node,
                    _TYPES[kind],
                    self._topics[kind],
                    partial(self._on_image, kind),
                    IMAGE_QOS,
                    self._on_lost,
                )

    def _on_image(self, kind: str, message: ImageMessage) -> None:
        received_s = time.monotonic()
        statistics = self.statistics
        statistics.received += 1
        statistics.input.tick()
        statistics.last_received_s = received_s
        self._delivering = kind
        stamp_ns = stamp_ns_of(message.header.stamp)
        self.gaps.arrived(stamp_ns)
        if stamp_ns == 0:
            statistics.without_stamp += 1
            stamp_ns = self._node.get_clock().now().nanoseconds
        job = self.newest = ImageJob(message, self, stamp_ns, received_s)
        self._sink(job)
        time.sleep(HAND_OVER_S)

    def _on_lost(self, event: Any) -> None:
        lost = lost_now(event)
        self.statistics.lost_in_transport += lost
        self.gaps.lost(lost)


def _compressed_topic(node: Node, topic: str) -> str:
    """``<topic>/compressed`` beside wherever *topic* was remapped to, unless it was remapped itself."""
    own = f"{topic}/compressed"
    resolved: str = node.resolve_topic_name(own)
    if resolved != node.resolve_topic_name(own, only_expand=True):
        return resolved
    return f"{node.resolve_topic_name(topic)}/compressed"
