# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The poses of one topic of a bag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import GeoDatum, PositionSigma
from vpr_ros.core.message_fields import pose_of
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_messages import NAV_SAT_FIX, ODOMETRY, POSE_STAMPED
from vpr_ros.sources.bag_recording import (
    BagRecording,
    RawMessage,
    is_unstamped,
    mend_zero_stamps,
    read_header,
    unset_stamps,
)
from vpr_ros.sources.clock_offset import Clock
from vpr_ros.sources.geodetic import far_from_others, fix_sigma, local_enu, refused_fix
from vpr_ros.sources.leaps import leap_note, refuse_turns
from vpr_ros.sources.pose_track import PoseTrack, pose_track

Fix = tuple[float, float, float]
"""Latitude and longitude in degrees, altitude in metres."""


class _Sample(NamedTuple):
    """One message: where, when, and between which frames."""

    frame_id: str
    child_frame_id: str
    stamp_ns: int
    is_unstamped: bool
    log_ns: int
    pose: Pose | Fix
    sigma: PositionSigma | None = None


class TopicPoses:
    """Collects the messages of a pose topic, and then tells the poses between one pair of frames.

    Attributes:
        topic: where they are.
        frame_id: the frame the poses are given in: the one that was asked for, else the most frequent.
        child_frame_id: what they are poses of, where the message says so (Odometry), chosen likewise.
    """

    def __init__(self, topic: str, type_name: str, map_frame: str | None = None, base_frame: str = "") -> None:
        """Collect from *topic*, whose type is one of ``POSE_TYPES``; the two frames are those asked for."""
        self.topic = topic
        self._type = type_name
        self._map_frame = map_frame
        self._base_frame = base_frame
        self._samples: list[_Sample] = []
        self._skipped: Counter[str] = Counter()
        self._leaps: list[str] = []

    def take(self, recording: BagRecording, raw: RawMessage) -> None:
        """Note one message; one that does not deserialise is counted."""
        try:
            message = recording.decode(raw)
            stamp_ns, frame_id = read_header(raw)
        except SourceError:
            self._skipped[f"no {self._type}"] += 1
            return
        child = message.child_frame_id.lstrip("/") if self._type == ODOMETRY else ""
        pose: Pose | Fix
        sigma = None
        if self._type == NAV_SAT_FIX:
            pose = (float(message.latitude), float(message.longitude), float(message.altitude))
            reason = "without fix" if message.status.status < 0 else refused_fix(*pose[:2])
            if reason is not None:
                self._skipped[reason] += 1
                return
            sigma = fix_sigma(message.position_covariance_type, message.position_covariance)
        else:
            pose = pose_of(message.pose if self._type == POSE_STAMPED else message.pose.pose)
        self._samples.append(_Sample(frame_id, child, stamp_ns, is_unstamped(raw), raw.log_ns, pose, sigma))

    @property
    def frame_id(self) -> str:
        """See the class."""
        return _chosen((sample.frame_id for sample in self._samples), self._map_frame)

    @property
    def child_frame_id(self) -> str:
        """See the class."""
        mine = self.frame_id
        return _chosen((s.child_frame_id for s in self._samples if s.frame_id == mine), self._base_frame)

    @property
    def position_sigma(self) -> PositionSigma | None:
        """The median of what the fixes say of themselves; None where most say nothing, and of other poses."""
        said = [sample.sigma for sample in self._samples if sample.sigma is not None]
        if 2 * len(said) <= len(self._samples):
            return None
        return PositionSigma(*np.median(np.array(said), axis=0).tolist())

    @property
    def clock(self) -> Clock:
        """When the poses were stamped and recorded."""
        return Clock(self._stamps(self._samples)[0], [sample.log_ns for sample in self._samples])

    def remarks(self) -> list[str]:
        """A sentence where stamps were not set, and one where poses leap."""
        return [*unset_stamps(f"poses of {self.topic}", *self._stamps(self._samples)), *self._leaps]

    def track(self) -> tuple[PoseTrack, GeoDatum | None]:
        """The poses in order; GPS positions in a local frame with the first fix as origin.

        Poses between other frames than ``frame_id`` and ``child_frame_id``, and fixes far from all others, are left
        out and counted.

        Raises:
            SourceError: no message is usable, or the fixes contradict each other.
            ClockError: time jumps backwards.
        """
        skipped = Counter(self._skipped)
        samples = self._of_one_frame(skipped)
        stamps_ns, _ = self._stamps(samples)
        if self._type != NAV_SAT_FIX or not samples:
            poses = [sample.pose for sample in samples if isinstance(sample.pose, Pose)]
            track = pose_track(self.topic, zip(stamps_ns, poses, strict=True), skipped)
            refuse_turns(f"the poses of {self.topic}", track)
            self._leaps = leap_note(f"poses of {self.topic}", track)
            return track, None
        fixes = np.array([sample.pose for sample in samples], dtype=np.float64)
        far = far_from_others(fixes[:, 0], fixes[:, 1], fixes[:, 2], stamps_ns)
        if 2 * far.sum() > len(far):
            raise SourceError(
                f"the fixes of {self.topic} leap farther than anything moves: {int(far.sum())} of {len(far)} cannot be "
                "reached from the others",
                "Take other poses with --pose-topic, --map-frame or --poses",
            )
        if far.any():
            skipped["far from all others"] += int(far.sum())
        enu, datum = local_enu(*fixes[~far].T)
        stamped = zip(np.array(stamps_ns)[~far].tolist(), enu.tolist(), strict=True)
        poses_enu = ((stamp_ns, Pose((east, north, up), None)) for stamp_ns, (east, north, up) in stamped)
        return pose_track(self.topic, poses_enu, skipped), datum

    def _of_one_frame(self, skipped: Counter[str]) -> list[_Sample]:
        frame, child = self.frame_id, self.child_frame_id
        mine = []
        for sample in self._samples:
            if sample.frame_id != frame:
                skipped[f"in frame {sample.frame_id!r} instead of {frame!r}"] += 1
            elif sample.child_frame_id != child:
                skipped[f"of {sample.child_frame_id!r} instead of {child!r}"] += 1
            else:
                mine.append(sample)
        return mine

    @staticmethod
    def _stamps(samples: list[_Sample]) -> tuple[list[int], list[bool]]:
        unstamped = [sample.is_unstamped for sample in samples]
        return mend_zero_stamps([sample.stamp_ns for sample in samples], unstamped), unstamped


def _chosen(found: Iterable[str], wanted: str | None) -> str:
    """The name that is wanted where it is among those found, else the most frequent one."""
    counts = Counter(found)
    if wanted is not None and wanted in counts:
        return wanted
    return counts.most_common(1)[0][0] if counts else ""
