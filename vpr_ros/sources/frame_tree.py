"""The TF of a bag: look-ups through the tree at the time of an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_messages import stamp_ns_of, transform_of
from vpr_ros.sources.bag_recording import BagRecording, RawMessage, mend_zero_stamps, unset_stamps
from vpr_ros.sources.pose_track import PoseSamples, PoseTrack, pose_track
from vpr_ros.sources.time_range import Stamps


class FrameTree:
    """Transforms from ``/tf`` and ``/tf_static``, each child under its one parent."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._static: dict[str, Pose] = {}
        self._moving: dict[str, list[tuple[int, Pose]]] = {}
        self._unstamped: dict[str, list[bool]] = {}
        self._tracks: dict[str, PoseTrack] = {}

    def take(self, recording: BagRecording, raw: RawMessage) -> None:
        """Note one ``TFMessage``; a topic called ``.../tf_static`` holds at all times, whatever its stamps.

        Raises:
            SourceError: it does not deserialise, or a frame has two parents.
        """
        for stamped in recording.decode(raw).transforms:
            parent, child = stamped.header.frame_id.lstrip("/"), stamped.child_frame_id.lstrip("/")
            if self._parents.setdefault(child, parent) != parent:
                raise SourceError(
                    f"TF frame {child!r} has two parents in {recording.path}: {self._parents[child]!r} and {parent!r}",
                    "Record one robot per bag, and one publisher per transform",
                )
            pose = transform_of(stamped.transform)
            if raw.topic.endswith("tf_static"):
                self._static[child] = pose
            else:
                stamp_ns = stamp_ns_of(stamped.header.stamp)
                self._moving.setdefault(child, []).append((stamp_ns or raw.log_ns, pose))
                self._unstamped.setdefault(child, []).append(stamp_ns == 0)

    @property
    def frames(self) -> Collection[str]:
        """Every frame that was named."""
        return sorted({*self._parents, *self._parents.values()})

    def connects(self, target: str, source: str) -> bool:
        """Whether there is a way from one frame to the other."""
        known = self.frames
        return target in known and source in known and self._ancestors(target)[-1] == self._ancestors(source)[-1]

    def rigid(self, target: str, source: str) -> Pose | None:
        """``T_target_source`` when only static transforms lie between, else None."""
        if target == source:
            return Pose((0.0, 0.0, 0.0))
        if not self.connects(target, source):
            return None
        down, up = self._branches(target, source)
        if any(child in self._moving for child in (*down, *up)):
            return None
        samples = self.lookup(target, source, np.zeros(1, dtype=np.int64), 0)
        return samples.poses()[0]

    def skipped(self) -> Counter[str]:
        """Transforms that cannot be used, by reason, of all that were looked up."""
        return sum((track.skipped for track in self._tracks.values()), Counter[str]())

    def unset_stamps(self) -> list[str]:
        """A sentence for each transform that was looked up and has stamps that were not set."""
        return [
            sentence
            for child in self._tracks
            for sentence in unset_stamps(f"transforms {self._edge_name(child)}", *self._stamps(child))
        ]

    def lookup(
        self, target: str, source: str, stamps_ns: Stamps, max_gap_ns: int, refuse_gaps: bool = True
    ) -> PoseSamples:
        """``T_target_source`` at M times; each moving transform is interpolated on its own.

        Raises:
            SourceError: a frame is missing or not connected, or a transform has no usable value.
            ClockError: see ``PoseTrack.at``.
        """
        if target != source and not self.connects(target, source):
            raise SourceError(
                f"TF has no way from {source!r} to {target!r}; its frames are {', '.join(self.frames) or 'none'}",
                "Give frames that are connected in the bag, and record /tf and /tf_static",
            )
        identity = Rotation.from_quat(np.tile([0.0, 0.0, 0.0, 1.0], (len(stamps_ns), 1)))
        here = PoseSamples(np.ones(len(stamps_ns), dtype=bool), np.zeros((len(stamps_ns), 3)), identity)
        if target == source:
            return here
        down, up = self._branches(target, source)
        T_common_target = T_common_source = here
        for child in reversed(down):
            T_common_target = T_common_target.compose(self._edge(child, stamps_ns, max_gap_ns, refuse_gaps))
        for child in reversed(up):
            T_common_source = T_common_source.compose(self._edge(child, stamps_ns, max_gap_ns, refuse_gaps))
        return T_common_target.inverse().compose(T_common_source)

    def _edge(self, child: str, stamps_ns: Stamps, max_gap_ns: int, refuse_gaps: bool) -> PoseSamples:
        """``T_parent_child`` at M times."""
        origin = f"TF {self._edge_name(child)}"
        if child in self._moving:
            if child not in self._tracks:
                poses = (pose for _, pose in self._moving[child])
                self._tracks[child] = pose_track(origin, zip(self._stamps(child)[0], poses, strict=True))
            return self._tracks[child].at(stamps_ns, max_gap_ns, refuse_gaps)
        fixed = pose_track(origin, [(0, self._static[child])]).at(np.zeros(len(stamps_ns), dtype=np.int64), 0)
        return PoseSamples(np.ones(len(stamps_ns), dtype=bool), fixed.position_m, fixed.rotation)

    def _edge_name(self, child: str) -> str:
        return f"{self._parents[child]} -> {child}"

    def _stamps(self, child: str) -> tuple[list[int], list[bool]]:
        """Of a moving transform, and which of them were not set."""
        unstamped = self._unstamped[child]
        return mend_zero_stamps([stamp_ns for stamp_ns, _ in self._moving[child]], unstamped), unstamped

    def _ancestors(self, frame: str) -> list[str]:
        """The frame, its parent, and so on to the root."""
        chain = [frame]
        while chain[-1] in self._parents:
            parent = self._parents[chain[-1]]
            if parent in chain:
                raise SourceError(f"TF runs in a circle: {' -> '.join([*chain, parent])}", "Mend the publishers")
            chain.append(parent)
        return chain

    def _branches(self, target: str, source: str) -> tuple[list[str], list[str]]:
        """Children to climb from target and from source up to their common ancestor."""
        down, up = self._ancestors(target), self._ancestors(source)
        common = next(frame for frame in down if frame in up)
        return down[: down.index(common)], up[: up.index(common)]
