# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the node publishes about an answer."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, PoseWithCovarianceStamped
from nav_msgs.msg import Path
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from vpr_ros.core.frames import Frame
from vpr_ros.localization import Localization
from vpr_ros.ros.localizer.answer_status import answered_status, failed_status, silent_status
from vpr_ros.ros.localizer.initial_pose import InitialPose
from vpr_ros.ros.localizer.map_view import map_view, marker_length_m
from vpr_ros.ros.localizer.markers import to_markers
from vpr_ros.ros.localizer.match_image import draw_match
from vpr_ros.ros.localizer.output_messages import to_match_cloud, to_path, to_pose_array, to_pose_with_covariance
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.messages import to_image_message

RESULT_QOS = QoSProfile(depth=10)
LATCHED_QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Outputs:
    """The publishers of the node. Only ``~/pose`` is sent whether somebody listens or not.

    Attributes:
        initial_pose: hands one accepted pose over on ``initialpose``.
    """

    def __init__(self, node: LifecycleNode) -> None:
        """Create the publishers; they are silent until the node is active."""
        create = node.create_lifecycle_publisher
        self._pose = create(PoseWithCovarianceStamped, "~/pose", RESULT_QOS)
        self._matches = create(PointCloud2, "~/matches", RESULT_QOS)
        self._candidates = create(PoseArray, "~/candidates", RESULT_QOS)
        self._match_image = create(Image, "~/match_image", RESULT_QOS)
        self._markers = create(MarkerArray, "~/markers", RESULT_QOS)
        self._status = create(DiagnosticArray, "~/status", RESULT_QOS)
        self._node_name = f"{node.get_namespace().rstrip('/')}/{node.get_name()}"
        self._map = create(Path, "~/map", LATCHED_QOS)
        self._marker_length_m = 1.0
        self.initial_pose = InitialPose(node)

    def publish_map(self, setup: LocalizerSetup, stamp_ns: int) -> None:
        """Publish the map's trajectory, latched; markers get a size that can be seen in it."""
        frames = setup.place_map.frames
        self._marker_length_m = marker_length_m(map_view(frames.position_m))
        self._map.publish(to_path(frames.position_m, frames.quat_xyzw, frames.stamp_ns, stamp_ns, setup.map_frame))

    def publish_pose(self, setup: LocalizerSetup, localization: Localization) -> None:
        """Publish the pose of an answer, if it has one: it is what somebody waits for."""
        if localization.accepted and localization.T_map_base is not None:
            stamp_ns, frame_id = localization.stamp_ns, setup.map_frame
            pose = to_pose_with_covariance(localization.T_map_base, localization.covariance, stamp_ns, frame_id)
            self._pose.publish(pose)
            self.initial_pose.accept(pose, setup.settings.hand_over_initialpose)

    def publish_views(self, setup: LocalizerSetup, frame: Frame, localization: Localization) -> None:
        """Publish what else there is to an answer, where somebody listens."""
        stamp_ns, frame_id = localization.stamp_ns, setup.map_frame
        if _heard(self._matches):
            self._matches.publish(to_match_cloud(localization.matches, stamp_ns, frame_id))
        if _heard(self._candidates):
            poses = (match.T_map_base for match in localization.matches)
            self._candidates.publish(to_pose_array(poses, stamp_ns, frame_id))
        if _heard(self._markers):
            self._markers.publish(to_markers(localization, frame_id, self._marker_length_m))
        if _heard(self._match_image):
            best = localization.matches[0].frame_index if localization.matches else None
            thumbnail = None if best is None else setup.place_map.thumbnail(best)
            drawing = draw_match(frame.image_rgb, thumbnail, localization)
            self._match_image.publish(to_image_message(drawing, stamp_ns, frame_id))

    def publish_status(self, localization: Localization, latency_ms: float) -> None:
        """Say what became of an image that was answered; see ``answered_status``."""
        if _heard(self._status):
            self._status.publish(answered_status(self._node_name, localization, latency_ms))

    def publish_failure(self, camera: str, stamp_ns: int, error: Exception) -> None:
        """Say what became of an image that was not answered."""
        if _heard(self._status):
            self._status.publish(failed_status(self._node_name, camera, stamp_ns, error))

    def publish_silence(self, stamp_ns: int, silent_s: float | None) -> None:
        """Say that there is no image."""
        if _heard(self._status):
            self._status.publish(silent_status(self._node_name, stamp_ns, silent_s))


def _heard(publisher: Any) -> bool:
    return bool(publisher.get_subscription_count())
