# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How each camera sees: asked of its ``camera_info``, then of the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.camera_info import info_content, intrinsics_of, is_rectified
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.fitted_intrinsics import fitted
from vpr_ros.core.frames import SizePx
from vpr_ros.localization.same_camera import mapped_intrinsics, refined_intrinsics
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.info_topic import info_topic

INFO_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED_INFO_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""Hears what was sent once, before the node came, from those that keep it; others it does not hear, and they warn."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """What an answer holds for: another message, size, frame or map is asked about anew."""

    info: CameraInfo | None
    size_px: SizePx
    frame_id: str
    place_map: PlaceMap

    def is_as(self, other: _Asked | None) -> bool:
        return other is not None and all(
            (
                self.info is other.info,
                self.size_px == other.size_px,
                self.frame_id == other.frame_id,
                self.place_map is other.place_map,
            )
        )


class CameraInfoInput:
    """Listens beside the images of one camera, and knows how it sees.

    The message may come late, never, change, or be of other images; the answer is then the map's, or that nobody knows.

    Attributes:
        topic: resolved name of the ``camera_info``.
        origin: who said so, or why nobody knows, for diagnostics.
    """

    def __init__(self, node: Node, camera: str, image_topic: str) -> None:
        """Prepare.

        Args:
            node: which subscribes.
            camera: the camera's name.
            image_topic: of its raw images, as the parameters name it.
        """
        self._node = node
        self._names = (camera, node.resolve_topic_name(image_topic))
        self.topic = info_topic(node, image_topic)
        self.origin = "unknown: no image yet"
        self._info: CameraInfo | None = None
        self._content: object = None
        self._subscriptions: dict[DurabilityPolicy, Any] = {}
        self._answered: tuple[_Asked, CameraIntrinsics | None] | None = None

    def listen(self, wanted: bool) -> None:
        """Subscribe where intrinsics are of use, and only there. For the executor's thread, now and then.

        Twice where somebody keeps the message for those that come later.
        """
        publishers = self._node.get_publishers_info_by_topic(self.topic) if wanted else []
        latched = any(each.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for each in publishers)
        self._subscribe(INFO_QOS, wanted)
        self._subscribe(LATCHED_INFO_QOS, latched)

    def close(self) -> None:
        """Unsubscribe."""
        for qos in (INFO_QOS, LATCHED_INFO_QOS):
            self._subscribe(qos, wanted=False)

    def _subscribe(self, qos: QoSProfile, wanted: bool) -> None:
        subscription = self._subscriptions.get(qos.durability)
        if wanted and subscription is None:
            subscription = self._node.create_subscription(CameraInfo, self.topic, self._on_info, qos)
            self._subscriptions[qos.durability] = subscription
        elif not wanted and subscription is not None:
            self._node.destroy_subscription(self._subscriptions.pop(qos.durability))

    def lookup(self, size_px: SizePx, frame_id: str, place_map: PlaceMap) -> CameraIntrinsics | None:
        """The intrinsics of an image of this size, None where nobody knows them. For the worker's thread.

        Args:
            size_px: its width and height.
            frame_id: in its header; a message of another frame is of another camera.
            place_map: the map in use.
        """
        asked = _Asked(self._info, size_px, frame_id, place_map)
        if self._answered is None or not asked.is_as(self._answered[0]):
            self._answered = (asked, self._found(asked))
        return self._answered[1]

    def _found(self, asked: _Asked) -> CameraIntrinsics | None:
        found, self.origin = self._heard(asked)
        refined = None if found is None else refined_intrinsics(asked.place_map, self._names, found)
        if refined is not None:
            found = refined
            self.origin = f"map, refined when it was built from the calibration that {self.topic} gives"
        elif found is None:
            found = mapped_intrinsics(asked.place_map, self._names, asked.size_px)
            told = "unknown, so that no pose is geometric" if found is None else "map (same camera assumed)"
            self.origin = f"{told}; {self.origin}"
        self._node.get_logger().info(f"camera {self._names[0]}: intrinsics: {self.origin}")
        return found

    def _heard(self, asked: _Asked) -> tuple[CameraIntrinsics | None, str]:
        """What ``camera_info`` says, and in words."""
        info, topic = asked.info, self.topic
        if info is None:
            return None, f"nothing has come on {topic}"
        if info.header.frame_id and asked.frame_id and info.header.frame_id != asked.frame_id:
            return None, f"{topic} is of frame {info.header.frame_id!r}, the images are in {asked.frame_id!r}"
        try:
            read = intrinsics_of(info, asked.size_px, rectified=is_rectified(self._names[1]))
        except ConfigError as error:
            return None, f"{topic} is not used: {error.problem}"
        found, remarks = fitted(read, asked.size_px, topic)
        return found, "; ".join(remarks) or topic

    def _on_info(self, message: CameraInfo) -> None:
        content = (message.header.frame_id, *info_content(message))
        if content != self._content:
            self._content, self._info = content, message
