"""The poses of one topic of a bag."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from vpr_ros.core.frames import GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_messages import (
    NAV_SAT_FIX,
    ODOMETRY,
    POSE_STAMPED,
    POSE_WITH_COVARIANCE_STAMPED,
    pose_of,
)
from vpr_ros.sources.bag_recording import (
    BagRecording,
    RawMessage,
    is_unstamped,
    mend_zero_stamps,
    read_header,
    unset_stamps,
)
from vpr_ros.sources.geodetic import local_enu
from vpr_ros.sources.pose_track import PoseTrack, pose_track

POSE_TYPES: Final = (ODOMETRY, POSE_STAMPED, POSE_WITH_COVARIANCE_STAMPED, NAV_SAT_FIX)


class TopicPoses:
    """Collects the messages of a pose topic.

    Attributes:
        topic: where they are.
        frame_id: the frame the poses are given in, of the first message.
        child_frame_id: what they are poses of, where the message says so (Odometry).
    """

    def __init__(self, topic: str, type_name: str) -> None:
        """Collect from *topic*, whose type is one of ``POSE_TYPES``."""
        self.topic = topic
        self.frame_id = ""
        self.child_frame_id = ""
        self._type = type_name
        self._poses: list[Pose] = []
        self._fixes: list[tuple[float, float, float]] = []
        self._stamps_ns: list[int] = []
        self._unstamped: list[bool] = []
        self._skipped: Counter[str] = Counter()

    def take(self, recording: BagRecording, raw: RawMessage) -> None:
        """Note one message.

        Raises:
            SourceError: it does not deserialise.
        """
        message = recording.decode(raw)
        stamp_ns, frame_id = read_header(raw)
        self.frame_id = self.frame_id or frame_id
        if self._type == NAV_SAT_FIX:
            if message.status.status < 0:
                self._skipped["without fix"] += 1
                return
            if not (math.isfinite(message.latitude) and math.isfinite(message.longitude)):
                self._skipped["not finite"] += 1
                return
            self._fixes.append((message.latitude, message.longitude, message.altitude))
        else:
            if self._type == ODOMETRY:
                self.child_frame_id = self.child_frame_id or message.child_frame_id.lstrip("/")
            self._poses.append(pose_of(message.pose if self._type == POSE_STAMPED else message.pose.pose))
        self._stamps_ns.append(stamp_ns)
        self._unstamped.append(is_unstamped(raw))

    def unset_stamps(self) -> list[str]:
        """A sentence where stamps were not set."""
        stamps_ns = mend_zero_stamps(self._stamps_ns, self._unstamped)
        return unset_stamps(f"poses of {self.topic}", stamps_ns, self._unstamped)

    def track(self) -> tuple[PoseTrack, GeoDatum | None]:
        """The poses in order; GPS positions in a local frame with the first fix as origin.

        Raises:
            SourceError: no message is usable.
            ClockError: time jumps backwards.
        """
        stamps_ns = mend_zero_stamps(self._stamps_ns, self._unstamped)
        if not self._fixes:
            return pose_track(self.topic, zip(stamps_ns, self._poses, strict=True), self._skipped), None
        enu, datum = local_enu(*zip(*self._fixes, strict=True))
        positions = [Pose((east, north, up), None) for east, north, up in enu.tolist()]
        return pose_track(self.topic, zip(stamps_ns, positions, strict=True), self._skipped), datum
