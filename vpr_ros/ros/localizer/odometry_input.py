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
from contextlib import suppress
from dataclasses import dataclass, replace
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
from vpr_ros.ros.localizer.frame_names import same_frame
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
    frames: tuple[str, str]
    """``frame_id`` and ``child_frame_id``."""


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
        found = _of_tf(setup, stamp_ns) if self._subscription is None else self._of_topic(setup, stamp_ns)
        if found is None:
            return None
        mounts = setup.place_map.manifest.cameras
        return replace(found, axes_known=found.axes_known and all(mount.T_base_camera is not None for mount in mounts))

    def _take(self, message: Odometry) -> None:
        reading = _Reading(
            stamp_ns_of(message.header.stamp),
            pose_of(message.pose.pose),
            np.array(message.pose.covariance, dtype=np.float64),
            (message.header.frame_id, message.child_frame_id),
        )
        with self._lock:
            last = self._readings[-1] if self._readings else reading
            if last is not reading and (reading.stamp_ns <= last.stamp_ns or reading.frames != last.frames):
                self._readings.clear()  # it runs backwards, or is in another frame: what came before is of another run
            self._readings.append(reading)

    def _of_topic(self, setup: LocalizerSetup, stamp_ns: int) -> OdometryReading | None:
        with self._lock:
            readings = list(self._readings)
        after = bisect_left([reading.stamp_ns for reading in readings], stamp_ns)
        before, later = readings[max(0, after - 1) : after], readings[after : after + 1]
        if before and later and later[0].stamp_ns - before[0].stamp_ns <= LONGEST_GAP_NS:
            return _of_base(setup, _between(before[0], later[0], stamp_ns))
        near = [one for one in (*before, *later) if abs(one.stamp_ns - stamp_ns) <= NEAR_NS]
        return _of_base(setup, near[0]) if near else None


def _between(before: _Reading, after: _Reading, stamp_ns: int) -> _Reading:
    """Interpolated; what is not finite is handed on for the filter to refuse."""
    share = (stamp_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
    if share >= 1.0 or not (_is_usable(before.T_odom_base) and _is_usable(after.T_odom_base)):
        return after
    turns = Rotation.concatenate([before.T_odom_base.rotation, after.T_odom_base.rotation])
    position_m = (1 - share) * np.array(before.T_odom_base.position_m) + share * np.array(after.T_odom_base.position_m)
    return replace(after, T_odom_base=Pose.from_rotation(position_m, Slerp([0.0, 1.0], turns)(share)))


def _is_usable(pose: Pose) -> bool:
    return pose.is_finite and pose.has_orientation


def _of_base(setup: LocalizerSetup, found: _Reading) -> OdometryReading:
    """What is said of another frame of the robot is moved to its base by TF; else only how far it went is of use."""
    frame_id, child = found.frames
    base, transforms = setup.settings.base_frame, setup.transforms
    if not child or same_frame(child, base):
        return OdometryReading(found.T_odom_base, found.covariance, frame_id=frame_id)
    if transforms is not None and _is_usable(found.T_odom_base):
        with suppress(ConfigError):
            T_child_base, _ = transforms.newest(child, base)
            moved = found.T_odom_base.compose(T_child_base)
            return OdometryReading(moved, found.covariance, frame_id=frame_id)
    return OdometryReading(found.T_odom_base, found.covariance, axes_known=False, frame_id=frame_id)


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
