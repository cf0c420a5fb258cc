# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where odometry has the robot at the time of an image: of a topic with its covariance, or of TF."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from scipy.spatial.transform import Rotation, Slerp

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.message_fields import pose_of, stamp_ns_of
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.localization.place_filter import OdometryReading
from vpr_ros.ros.localizer.setup import LocalizerSetup

NEAR_NS: Final = NS_PER_S // 5
"""A reading so near to the image's time stands for it where none lies on its other side."""
LONGEST_GAP_NS: Final = NS_PER_S
"""Two readings farther apart say nothing of the time between them."""
KEPT: Final = 2000


def odometry_remapped_to(node: Node) -> str:
    """The topic that somebody remapped ``odom`` to, "" where nobody did."""
    topic: str = node.resolve_topic_name("odom")
    return "" if topic == node.resolve_topic_name("odom", only_expand=True) else topic


@dataclass(frozen=True, eq=False)
class _Reading:
    stamp_ns: int
    T_odom_base: Pose
    covariance: npt.NDArray[np.float64]


class OdometryInput:
    """Listens to a topic where one is named; the executor's thread fills, the worker's thread asks."""

    def __init__(self, node: Node) -> None:
        """Nothing is subscribed to yet."""
        self._node = node
        self._lock = threading.Lock()
        self._readings: deque[_Reading] = deque(maxlen=KEPT)
        self._subscription: Any = None

    def listen(self, named: str) -> None:
        """Subscribe to the topic *named*; where that is "", to ``odom`` if somebody remapped it, and else to none."""
        self.close()
        topic = named or ("odom" if odometry_remapped_to(self._node) else "")
        if topic:
            self._subscription = self._node.create_subscription(Odometry, topic, self._take, qos_profile_sensor_data)

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self.forget()

    def forget(self) -> None:
        """What came so far is of another run."""
        with self._lock:
            self._readings.clear()

    def reading(self, setup: LocalizerSetup, stamp_ns: int) -> OdometryReading | None:
        """Where odometry has the robot at this time, None where it does not say."""
        found = _of_tf(setup, stamp_ns) if self._subscription is None else self._of_topic(stamp_ns)
        if found is None:
            return None
        mounts = setup.place_map.manifest.cameras
        axes_known = all(mount.T_base_camera is not None for mount in mounts)
        return OdometryReading(found.T_odom_base, found.covariance, axes_known)

    def _take(self, message: Odometry) -> None:
        reading = _Reading(
            stamp_ns_of(message.header.stamp),
            pose_of(message.pose.pose),
            np.array(message.pose.covariance, dtype=np.float64),
        )
        with self._lock:
            if self._readings and reading.stamp_ns <= self._readings[-1].stamp_ns:
                self._readings.clear()  # it runs backwards: what came before is of another run
            self._readings.append(reading)

    def _of_topic(self, stamp_ns: int) -> OdometryReading | None:
        with self._lock:
            readings = list(self._readings)
        after = bisect_left([reading.stamp_ns for reading in readings], stamp_ns)
        before, later = readings[max(0, after - 1) : after], readings[after : after + 1]
        if before and later and later[0].stamp_ns - before[0].stamp_ns <= LONGEST_GAP_NS:
            return _between(before[0], later[0], stamp_ns)
        near = [one for one in (*before, *later) if abs(one.stamp_ns - stamp_ns) <= NEAR_NS]
        return OdometryReading(near[0].T_odom_base, near[0].covariance) if near else None


def _between(before: _Reading, after: _Reading, stamp_ns: int) -> OdometryReading:
    """Interpolated; what is not finite is handed on for the filter to refuse."""
    share = (stamp_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
    usable = all(pose.is_finite and pose.has_orientation for pose in (before.T_odom_base, after.T_odom_base))
    if not usable or share >= 1.0:
        return OdometryReading(after.T_odom_base, after.covariance)
    turns = Rotation.concatenate([before.T_odom_base.rotation, after.T_odom_base.rotation])
    position_m = (1 - share) * np.array(before.T_odom_base.position_m) + share * np.array(after.T_odom_base.position_m)
    return OdometryReading(Pose.from_rotation(position_m, Slerp([0.0, 1.0], turns)(share)), after.covariance)


def _of_tf(setup: LocalizerSetup, stamp_ns: int) -> OdometryReading | None:
    transforms, settings = setup.transforms, setup.settings
    if transforms is None:
        return None
    try:
        return OdometryReading(transforms.lookup(settings.odom_frame, settings.base_frame, stamp_ns))
    except ConfigError:
        pass
    try:
        T_odom_base, newest_ns = transforms.newest(settings.odom_frame, settings.base_frame)
    except ConfigError:
        return None
    return OdometryReading(T_odom_base) if abs(newest_ns - stamp_ns) <= NEAR_NS else None
