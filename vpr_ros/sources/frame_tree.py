"""The TF of one robot: look-ups through the tree at the time of an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.core.message_fields import stamp_ns_of, transform_of
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_recording import RawMessage, mend_zero_stamps, unset_stamps
from vpr_ros.sources.clock_offset import Clock
from vpr_ros.sources.leaps import leap_note, refuse_turns
from vpr_ros.sources.pose_track import (
    PoseGapError,
    PoseSamples,
    PoseTrack,
    listed,
    longest,
    pose_track,
    unusable,
)
from vpr_ros.sources.time_range import Stamps

OTHER_POSES: Final = "take the poses from a topic with --pose-topic or from a file with --poses"


@dataclass
class Edge:
    """The transforms of one child under one parent, as recorded."""

    fixed: Pose | None = None
    refused: Counter[str] = field(default_factory=Counter)
    moving: list[tuple[int, Pose]] = field(default_factory=list)
    unstamped: list[bool] = field(default_factory=list)
    log_ns: list[int] = field(default_factory=list)

    def take(self, raw: RawMessage, stamp_ns: int, pose: Pose) -> None:
        """Note one transform; one on ``.../tf_static`` holds at all times, whatever its stamp, until another comes."""
        if not raw.topic.endswith("tf_static"):
            self.moving.append((stamp_ns or raw.log_ns, pose))
            self.unstamped.append(stamp_ns == 0)
            self.log_ns.append(raw.log_ns)
        elif (reason := unusable(pose)) is None:
            self.fixed = pose
        else:
            self.refused[reason] += 1

    @property
    def stamps_ns(self) -> list[int]:
        """Of the moving transforms; see ``mend_zero_stamps``."""
        return mend_zero_stamps([stamp_ns for stamp_ns, _ in self.moving], self.unstamped)


class FrameTree:
    """Transforms from ``/tf`` and ``/tf_static``. A child with two parents is in the way only of who has to pass it."""

    def __init__(self, edges: Mapping[str, Mapping[str, Edge]] | None = None) -> None:
        """Begin with *edges*, by child and parent."""
        self._edges: dict[str, dict[str, Edge]] = {child: dict(parents) for child, parents in (edges or {}).items()}
        self._tracks: dict[str, PoseTrack] = {}

    @property
    def edges(self) -> Mapping[str, Mapping[str, Edge]]:
        """Everything that was recorded, by child and parent."""
        return self._edges

    def take(self, raw: RawMessage, transforms: Sequence[Any]) -> None:
        """Note the ``TransformStamped`` of one message."""
        for stamped in transforms:
            header = stamped.header
            parent, child = header.frame_id.lstrip("/"), stamped.child_frame_id.lstrip("/")
            edge = self._edges.setdefault(child, {}).setdefault(parent, Edge())
            edge.take(raw, stamp_ns_of(header.stamp), transform_of(stamped.transform))

    @property
    def frames(self) -> Collection[str]:
        """Every frame that was named."""
        return sorted({*self._edges, *(parent for parents in self._edges.values() for parent in parents)})

    def contested(self) -> list[str]:
        """A sentence for each frame that has more than one parent."""
        return [_parents(child, list(parents)) for child, parents in self._edges.items() if len(parents) > 1]

    def connects(self, target: str, source: str) -> bool:
        """Whether there is a way from one frame to the other, or would be but for a frame with two parents."""
        try:
            return target == source or self._branches(target, source) is not None
        except SourceError:
            return True

    def rigid(self, target: str, source: str) -> Pose | None:
        """``T_target_source`` when only static transforms lie between, else None.

        Raises:
            SourceError: a frame between them has two parents, or a static transform has no usable value.
        """
        if target == source:
            return Pose((0.0, 0.0, 0.0))
        branches = self._branches(target, source)
        if branches is None or any(self._edge(child).moving for branch in branches for child in branch):
            return None
        return self.lookup(target, source, np.zeros(1, dtype=np.int64)).poses()[0]

    def skipped(self) -> Counter[str]:
        """Transforms that cannot be used, by reason, of all that were looked up."""
        return sum((track.skipped for track in self._tracks.values()), Counter[str]())

    def remarks(self) -> list[str]:
        """A sentence for each transform that was looked up and has stamps that were not set, or that leaps."""
        sentences = []
        for child, track in self._tracks.items():
            edge, what = self._edge(child), f"transforms {self._name(child)}"
            sentences += unset_stamps(what, edge.stamps_ns, edge.unstamped) + leap_note(what, track)
        return sentences

    def clocks(self) -> list[tuple[str, Clock]]:
        """When the transforms that were looked up were stamped and recorded, with the names of the transforms."""
        edges = {child: self._edge(child) for child in self._tracks}
        return [(f"TF {self._name(child)}", Clock(edge.stamps_ns, edge.log_ns)) for child, edge in edges.items()]

    def lookup(
        self, target: str, source: str, stamps_ns: Stamps, max_gap_ns: int | None = None, refuse_gaps: bool = True
    ) -> PoseSamples:
        """``T_target_source`` at M times; each moving transform is interpolated on its own.

        Raises:
            SourceError: a frame is missing, not connected or has two parents, or a transform has no usable value.
            ClockError: see ``PoseTrack.at``.
        """
        branches = self._branches(target, source) if target != source else ([], [])
        if branches is None:
            raise SourceError(
                "; ".join(
                    [
                        f"TF has no way from {source!r} to {target!r}",
                        f"its frames are {', '.join(self.frames) or 'none'}",
                        *self.contested(),
                    ]
                ),
                f"Give --map-frame, --base-frame and --camera-frame that are connected in the bag, or {OTHER_POSES}",
            )
        down, up = branches
        if refuse_gaps:
            self._refuse_gaps([*down, *up], stamps_ns, max_gap_ns)
        T_common_target = T_common_source = PoseSamples.fixed(Pose((0.0, 0.0, 0.0)), len(stamps_ns))
        for child in reversed(down):
            T_common_target = T_common_target.compose(self._samples(child, stamps_ns, max_gap_ns))
        for child in reversed(up):
            T_common_source = T_common_source.compose(self._samples(child, stamps_ns, max_gap_ns))
        return T_common_target.inverse().compose(T_common_source)

    def _refuse_gaps(self, children: Sequence[str], stamps_ns: Stamps, max_gap_ns: int | None) -> None:
        """Look at all transforms of a way before one is refused: the gap that is advised must do for each of them."""
        tracks = [self._track(child) for child in children if self._edge(child).moving]
        errors = [error for track in tracks if (error := track.gap_error(stamps_ns, max_gap_ns)) is not None]
        if errors:
            needed_ns = max(int(track.gaps_ns(stamps_ns)[0].max()) for track in tracks)
            raise PoseGapError(longest(errors).problem, needed_ns)

    def _samples(self, child: str, stamps_ns: Stamps, max_gap_ns: int | None) -> PoseSamples:
        """``T_parent_child`` at M times."""
        edge = self._edge(child)
        if edge.moving:
            return self._track(child).at(stamps_ns, max_gap_ns, refuse_gaps=False)
        if edge.fixed is None:
            raise SourceError(
                f"the static transform {self._name(child)} has no usable value ({listed(edge.refused)})",
                f"Mend what publishes it (the robot's description, the driver), or {OTHER_POSES}",
            )
        return PoseSamples.fixed(edge.fixed, len(stamps_ns))

    def _track(self, child: str) -> PoseTrack:
        if child not in self._tracks:
            edge = self._edge(child)
            poses = (pose for _, pose in edge.moving)
            track = pose_track(f"TF {self._name(child)}", zip(edge.stamps_ns, poses, strict=True))
            refuse_turns(f"the transforms {self._name(child)}", track)
            self._tracks[child] = track
        return self._tracks[child]

    def _edge(self, child: str) -> Edge:
        return next(iter(self._edges[child].values()))

    def _name(self, child: str) -> str:
        return f"{next(iter(self._edges[child]))} -> {child}"

    def _climb(self, frame: str) -> tuple[list[str], SourceError | None]:
        """The frame, its parent, and so on to the root, and why it may not be one."""
        chain = [frame]
        while parents := self._edges.get(chain[-1]):
            if len(parents) > 1:
                remedy = f"Record again with one publisher per transform, or {OTHER_POSES}"
                return chain, SourceError(_parents(chain[-1], list(parents)), remedy)
            (parent,) = parents
            if parent in chain:
                problem = f"TF runs in a circle: {' -> '.join([*chain, parent])}"
                return chain, SourceError(problem, f"Mend the publishers, or {OTHER_POSES}")
            chain.append(parent)
        return chain, None

    def _branches(self, target: str, source: str) -> tuple[list[str], list[str]] | None:
        """Children to climb from target and from source up to their common ancestor; None where there is none.

        Raises:
            SourceError: there is none below a frame with two parents, or on a circle.
        """
        known = self.frames
        if target not in known or source not in known:
            return None
        (down, below), (up, above) = self._climb(target), self._climb(source)
        common = next((frame for frame in down if frame in up), None)
        if common is not None:
            return down[: down.index(common)], up[: up.index(common)]
        if (obstacle := above or below) is not None:
            raise obstacle
        return None


def _parents(child: str, parents: Sequence[str]) -> str:
    number = "two" if len(parents) == 2 else len(parents)
    return f"TF frame {child!r} has {number} parents: {' and '.join(map(repr, parents))}"
