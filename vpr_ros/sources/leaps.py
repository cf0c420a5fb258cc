"""Positions where nothing can have got to in the time between them and the others."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import SourceError
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.sources.pose_track import PoseTrack
from vpr_ros.sources.time_range import seconds

LEAP_M: Final = 100.0
LEAP_M_PER_S: Final = 100.0
_TIMES_USUAL_PACE: Final = 10.0
IN_TURNS_M_PER_S: Final = 5.0
IN_TURNS_SHARE: Final = 0.1
MOST_ROBOTS: Final = 3
FEWEST_IN_TURNS: Final = 8


def out_of_reach(position_m: npt.ArrayLike, stamps_ns: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """(N,) which of N >= 1 positions lie where nothing gets to in the time between them and the others.

    A way that is farther than ``LEAP_M`` and faster than both ``LEAP_M_PER_S`` and ten times the usual pace is a leap.
    Of the stretches between leaps the one with most positions is believed, and with it what can be reached from it.

    Args:
        position_m: (N, 3) finite.
        stamps_ns: (N,) in any order.
    """
    stamps = np.asarray(stamps_ns, dtype=np.int64)
    order = np.argsort(stamps, kind="stable")
    when_s = (stamps[order] - stamps.min()) / NS_PER_S
    place_m = np.asarray(position_m, dtype=np.float64)[order]
    count = len(order)
    way_m, time_s = np.linalg.norm(np.diff(place_m, axis=0), axis=1), np.diff(when_s)
    limit_m_per_s = _fastest(way_m, time_s)
    is_leap = (way_m > LEAP_M) & (way_m > limit_m_per_s * time_s)
    if not is_leap.any():
        return np.zeros(count, dtype=bool)

    def leaps(a: int, b: int) -> bool:
        way_m = float(np.linalg.norm(place_m[a] - place_m[b]))
        return way_m > LEAP_M and way_m > limit_m_per_s * abs(when_s[a] - when_s[b])

    starts = [0, *(np.flatnonzero(is_leap) + 1).tolist(), count]
    first, last = max(pairwise(starts), key=lambda stretch: stretch[1] - stretch[0])
    believed = np.zeros(count, dtype=bool)
    believed[first:last] = True
    for numbers, start in ((range(last, count), last - 1), (range(first - 1, -1, -1), first)):
        edge = start
        for k in numbers:
            if not leaps(edge, k):
                believed[k] = True
                edge = k
    far = np.zeros(count, dtype=bool)
    far[order] = ~believed
    return far


def leap_note(what: str, track: PoseTrack) -> list[str]:
    """A sentence where poses leap: a robot that found out where it is, or two robots that publish the same.

    Args:
        what: of which the poses are, for people.
        track: the poses.
    """
    far = out_of_reach(track.position_m, track.stamps_ns)
    if not far.any():
        return []
    first_s = seconds(int(track.stamps_ns[far][0]))
    return [
        f"{int(far.sum())} of {len(far)} {what} lie farther from the others than anything moves, "
        f"the first at {first_s} s"
    ]


def refuse_turns(what: str, track: PoseTrack) -> None:
    """Refuse the poses of two or three robots that publish under one name in turns: every other one is near the last.

    Raises:
        SourceError: the way from a pose to the next is usually fast (``IN_TURNS_M_PER_S``), and that to the second,
            third or fourth next less than ``IN_TURNS_SHARE`` of it.
    """
    place_m, when_s = np.asarray(track.position_m), np.asarray(track.stamps_ns) / NS_PER_S
    if len(place_m) < FEWEST_IN_TURNS:
        return
    to_next_m = np.linalg.norm(np.diff(place_m, axis=0), axis=1)
    way_m, pace = float(np.median(to_next_m)), float(np.median(to_next_m / np.maximum(np.diff(when_s), 1e-9)))
    beyond_m = min(
        float(np.median(np.linalg.norm(place_m[n:] - place_m[:-n], axis=1))) for n in range(2, MOST_ROBOTS + 2)
    )
    if pace > IN_TURNS_M_PER_S and beyond_m < IN_TURNS_SHARE * way_m:
        raise SourceError(
            f"{what} are of several robots in turns: from one to the next it is {way_m:.3g} m, to the one after only "
            f"{beyond_m:.3g} m",
            "Record one robot per bag, or choose other poses with --pose-topic, --map-frame or --poses",
        )


def _fastest(way_m: npt.NDArray[np.float64], time_s: npt.NDArray[np.float64]) -> float:
    """How fast something moves that does not leap."""
    pace = way_m[time_s > 0] / time_s[time_s > 0]
    # Not the median: three in ten positions that are off make six in ten ways that are.
    usual = float(np.quantile(pace, 0.25)) if len(pace) else 0.0
    return max(LEAP_M_PER_S, _TIMES_USUAL_PACE * usual)
