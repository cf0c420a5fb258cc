"""Poses over time, interpolated to other times and never beyond them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from vpr_ros.core.errors import ClockError, SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.sources.stray_stamps import in_line
from vpr_ros.sources.time_range import Stamps, seconds, time_range

# Messages of one publisher may overtake each other by this much; more is a clock that was set back.
REORDERING_NS = 100_000_000
# Where nobody says how long poses may be interpolated: a pose may be missed at the rate they usually have, but nothing
# else may have happened meanwhile.
LEAST_GAP_NS, LONGEST_GAP_NS = NS_PER_S, 5 * NS_PER_S
USUAL_STEPS = 2.5
_OTHER_POSES = "take other poses with --poses, or from a bag with --pose-topic or --map-frame"
FARTHEST_M = 1e8
"""From the origin of any map frame, coordinates from the earth's centre included; a filter that diverged goes on."""


class PoseGapError(ClockError):
    """Images lie where there are no poses for too long.

    Attributes:
        gap_ns: the longest gap that has to be allowed.
    """

    def __init__(self, problem: str, gap_ns: int) -> None:
        super().__init__(
            problem,
            f"Interpolate over longer gaps with --max-gap {ceil(gap_ns / 1e8) / 10:g}, or cut the recording there",
        )
        self.gap_ns = gap_ns


def longest(errors: Sequence[PoseGapError]) -> PoseGapError:
    """The error whose remedy mends all of *errors* (one or more)."""
    return max(errors, key=lambda error: error.gap_ns)


@dataclass(frozen=True, eq=False)
class PoseSamples:
    """Poses at M requested times.

    Attributes:
        known: (M,) bool, False before the first and after the last pose of the track.
        position_m: (M, 3), NaN where not known.
        rotation: M rotations (the identity where not known), or None where the track has no orientation.
    """

    known: npt.NDArray[np.bool_]
    position_m: npt.NDArray[np.float64]
    rotation: Rotation | None

    def poses(self) -> list[Pose | None]:
        """One pose per requested time, None where not known."""
        positions: list[list[float]] = self.position_m.tolist()
        quats: list[npt.NDArray[np.float64]] = [] if self.rotation is None else list(self.rotation.as_quat())
        return [
            _pose(positions[k], quats[k] if quats else None) if known else None for k, known in enumerate(self.known)
        ]

    @classmethod
    def fixed(cls, pose: Pose, count: int) -> PoseSamples:
        """One pose with orientation at *count* times."""
        position_m = np.tile(np.array(pose.position_m, dtype=np.float64), (count, 1))
        return cls(
            np.ones(count, dtype=bool), position_m, Rotation.from_quat(np.tile(pose.rotation.as_quat(), (count, 1)))
        )

    def compose(self, other: PoseSamples) -> PoseSamples:
        """``T_a_b.compose(T_b_c) = T_a_c``, time by time. Needs both orientations."""
        if self.rotation is None or other.rotation is None:
            raise ValueError("poses without orientation cannot be composed")
        return PoseSamples(
            self.known & other.known,
            self.position_m + self.rotation.apply(other.position_m),
            self.rotation * other.rotation,
        )

    def inverse(self) -> PoseSamples:
        """``T_a_b.inverse() = T_b_a``, time by time. Needs the orientation."""
        if self.rotation is None:
            raise ValueError("a pose without orientation has no inverse")
        inverse = self.rotation.inv()
        return PoseSamples(self.known, -inverse.apply(self.position_m), inverse)


@dataclass(frozen=True, eq=False)
class PoseTrack:
    """Poses in time order; make one with ``pose_track``.

    Attributes:
        origin: topic, file or frame, for messages.
        stamps_ns: (N,) strictly increasing.
        position_m: (N, 3).
        rotation: N rotations, or None where only positions are known.
        skipped: how many poses were unusable, by reason.
    """

    origin: str
    stamps_ns: Stamps
    position_m: npt.NDArray[np.float64]
    rotation: Rotation | None
    skipped: Counter[str]

    def at(self, stamps_ns: Stamps, max_gap_ns: int | None = None, refuse_gaps: bool = True) -> PoseSamples:
        """Interpolate: positions linearly, orientations along the shortest arc (Slerp).

        Args:
            stamps_ns: (M,) in any order.
            max_gap_ns: longest step between two poses that may be bridged; None takes ``usual_gap_ns``.
            refuse_gaps: False makes the pose of a time inside a longer gap not known.

        Raises:
            ClockError: none of the times lies inside the track.
            PoseGapError: one of them lies inside a longer gap.
        """
        mine = self.stamps_ns
        known = (stamps_ns >= mine[0]) & (stamps_ns <= mine[-1])
        if not known.any():
            raise ClockError(
                f"the clocks of images and poses never overlap: images {time_range(stamps_ns)}, "
                f"poses of {self.origin} {time_range(mine)}",
                f"Record both with one clock (use_sim_time for all nodes or for none), or {_OTHER_POSES}",
            )
        if refuse_gaps and (error := self.gap_error(stamps_ns, max_gap_ns)) is not None:
            raise error
        known = known & ~self._lost(stamps_ns, max_gap_ns)
        # Relative to the first pose, because float64 holds seconds since 1970 to a quarter microsecond only.
        when = (np.clip(stamps_ns, mine[0], mine[-1]) - mine[0]).astype(np.float64)
        base = (mine - mine[0]).astype(np.float64)
        position_m = np.stack([np.interp(when, base, axis) for axis in self.position_m.T], axis=1)
        position_m[~known] = np.nan
        if self.rotation is None:
            return PoseSamples(known, position_m, None)
        if len(mine) == 1:
            return PoseSamples(known, position_m, self.rotation[np.zeros(len(stamps_ns), dtype=np.intp)])
        return PoseSamples(known, position_m, Slerp(base, self.rotation)(when))

    @property
    def usual_gap_ns(self) -> int:
        """How long poses are interpolated where nobody says: a pose of GPS at 1 Hz may come late or be missed."""
        steps_ns = np.diff(self.stamps_ns)
        usual_ns = USUAL_STEPS * float(np.median(steps_ns)) if len(steps_ns) else 0.0
        return min(max(LEAST_GAP_NS, round(usual_ns)), LONGEST_GAP_NS)

    def gaps_ns(self, stamps_ns: Stamps) -> tuple[Stamps, npt.NDArray[np.intp]]:
        """(M,) length of the gap that each time lies in, 0 at a pose and outside the track, and its first pose."""
        mine = self.stamps_ns
        after = np.searchsorted(mine, stamps_ns, side="left").clip(0, len(mine) - 1)
        before = np.where(mine[after] == stamps_ns, after, np.maximum(after - 1, 0))
        inside = (stamps_ns >= mine[0]) & (stamps_ns <= mine[-1])
        return np.where(inside, mine[after] - mine[before], 0), before

    def gap_error(self, stamps_ns: Stamps, max_gap_ns: int | None = None) -> PoseGapError | None:
        """What ``at`` raises where times lie inside a gap that is too long, or None."""
        lost = self._lost(stamps_ns, max_gap_ns)
        if not lost.any():
            return None
        gaps_ns, before = self.gaps_ns(stamps_ns)
        worst = int(np.argmax(gaps_ns))
        gap = self.stamps_ns[before[worst] : before[worst] + 2]
        limit_ns = self.usual_gap_ns if max_gap_ns is None else max_gap_ns
        found = f"{gaps_ns[worst] / NS_PER_S:.3f} s, {time_range(gap)}"
        return PoseGapError(
            f"{int(lost.sum())} images at {time_range(stamps_ns[lost])} lie where {self.origin} has no poses for more "
            f"than {limit_ns / NS_PER_S:.3g} s, the longest gap being {found}; images {time_range(stamps_ns)}, "
            f"poses {time_range(self.stamps_ns)}",
            int(gaps_ns[worst]),
        )

    def _lost(self, stamps_ns: Stamps, max_gap_ns: int | None) -> npt.NDArray[np.bool_]:
        """(M,) which times lie inside a gap that is too long."""
        lost: npt.NDArray[np.bool_] = self.gaps_ns(stamps_ns)[0] > (
            self.usual_gap_ns if max_gap_ns is None else max_gap_ns
        )
        return lost


def pose_track(origin: str, stamped: Iterable[tuple[int, Pose]], skipped: Counter[str] | None = None) -> PoseTrack:
    """Check poses and put them in order.

    Poses that are not finite, beyond ``FARTHEST_M`` or whose quaternion has no length are left out and counted, and so
    are a few whose time is out of line with the others (see ``stray_stamps``); of several with one time the last is
    taken, and the others are counted where they differ. Orientations are kept only when every pose has one.

    Args:
        origin: topic, file or frame, for messages.
        stamped: (stamp_ns, pose) as recorded.
        skipped: what was left out before, by reason.

    Raises:
        SourceError: no pose is usable.
        ClockError: time jumps backwards.
    """
    counted: Counter[str] = Counter(skipped or {})
    good: list[tuple[int, Pose]] = []
    for stamp_ns, pose in stamped:
        reason = unusable(pose)
        if reason is None:
            good.append((stamp_ns, pose))
        else:
            counted[reason] += 1
    if not good:
        reasons = listed(counted) or "it is empty"
        raise SourceError(
            f"{origin} has no usable pose ({reasons})",
            f"Check what made it, or {_OTHER_POSES}",
        )
    stamps_ns = np.array([stamp_ns for stamp_ns, _ in good], dtype=np.int64)
    kept = in_line(stamps_ns, REORDERING_NS)
    if not kept.all():
        counted["of a time before or after its neighbours"] += int((~kept).sum())
        stamps_ns, good = stamps_ns[kept], [good[k] for k in np.flatnonzero(kept)]
    refuse_jumps(origin, stamps_ns)
    by_time = np.argsort(stamps_ns, kind="stable")
    ordered = stamps_ns[by_time]
    order = by_time[np.append(ordered[1:] != ordered[:-1], True)]
    superseded = sum(good[a][1] != good[b][1] and good[a][0] == good[b][0] for a, b in pairwise(by_time))
    if superseded:
        counted["of a time that comes again"] += superseded
    poses = [good[k][1] for k in order]
    quats = [pose.quat_xyzw for pose in poses if pose.quat_xyzw is not None]
    rotation = Rotation.from_quat(np.array(quats)) if len(quats) == len(poses) else None
    return PoseTrack(origin, stamps_ns[order], np.array([p.position_m for p in poses]), rotation, counted)


def unusable(pose: Pose) -> str | None:
    """Why a pose cannot be used, or None."""
    if pose.is_finite:
        return None if max(map(abs, pose.position_m)) <= FARTHEST_M else "beyond any place on earth"
    finite = np.isfinite(pose.position_m + (pose.quat_xyzw or ())).all()
    return "zero quaternion" if finite else "not finite"


def listed(counted: Mapping[str, int]) -> str:
    """``3 without fix, 1 not finite``."""
    return ", ".join(f"{count} {reason}" for reason, count in counted.items())


def refuse_jumps(origin: str, stamps_ns: Stamps) -> None:
    """Check that time runs forward, small overtakings aside.

    Raises:
        ClockError: it jumps backwards.
    """
    if len(stamps_ns) < 2:
        return
    latest = np.maximum.accumulate(stamps_ns)
    if (latest - stamps_ns).max() <= REORDERING_NS:
        return
    jumps = np.flatnonzero(np.diff(stamps_ns) < -REORDERING_NS) + 1
    jump = int(np.flatnonzero(latest - stamps_ns > REORDERING_NS)[0])
    where = f"from {seconds(int(latest[jump]))} s to {seconds(int(stamps_ns[jump]))} s"
    if len(jumps) > 1:
        raise ClockError(
            f"time jumps backwards in {origin}: {len(jumps)} times, first {where}",
            "These stamps are not of one clock: set them once, in the driver, at the time of measurement, and record "
            "again, or leave this topic or file out",
        )
    raise ClockError(
        f"time jumps backwards in {origin}: {where}; "
        f"before the jump {time_range(stamps_ns[:jump])}, after it {time_range(stamps_ns[jump:])}",
        "Split the recording there: two runs, or a clock that was set, cannot be one recording",
    )


def _pose(position_m: list[float], quat_xyzw: npt.NDArray[np.float64] | None) -> Pose:
    x, y, z = position_m
    if quat_xyzw is None:
        return Pose((x, y, z), None)
    qx, qy, qz, qw = (float(v) for v in quat_xyzw)
    return Pose((x, y, z), (qx, qy, qz, qw))
