"""Positions where nothing can have got to in the time between them and the others."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.sources.pose_track import PoseTrack
from vpr_ros.sources.time_range import seconds

LEAP_M: Final = 100.0
LEAP_M_PER_S: Final = 100.0
_TIMES_USUAL_PACE: Final = 10.0


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
    when_s = (stamps[order] - stamps.min()) / 1e9
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


def _fastest(way_m: npt.NDArray[np.float64], time_s: npt.NDArray[np.float64]) -> float:
    """How fast something moves that does not leap."""
    pace = way_m[time_s > 0] / time_s[time_s > 0]
    # Not the median: three in ten positions that are off make six in ten ways that are.
    usual = float(np.quantile(pace, 0.25)) if len(pace) else 0.0
    return max(LEAP_M_PER_S, _TIMES_USUAL_PACE * usual)
