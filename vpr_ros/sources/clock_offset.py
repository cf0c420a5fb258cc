"""Clocks of two topics, compared by when their messages were recorded: poses of another clock only look right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from vpr_ros.core.time_ns import NS_PER_S

MOST_S: Final = 1.0
"""Messages are recorded later than they are stamped, of one topic more than of another, but not by this much."""


class Clock:
    """When messages were stamped and when they were recorded."""

    def __init__(self, stamps_ns: Sequence[int], log_ns: Sequence[int]) -> None:
        """Take (N,) times of each, in the same order."""
        by_log = np.argsort(np.array(log_ns, dtype=np.int64), kind="stable")
        self._log_ns = np.array(log_ns, dtype=np.int64)[by_log]
        self._ahead_ns = np.array(stamps_ns, dtype=np.int64)[by_log] - self._log_ns

    def ahead_of_s(self, other: Clock) -> float:
        """By how much the stamps here are ahead of those of *other*; 0 where nothing was recorded at the same time.

        A simulated clock runs at another speed than that of the recorder: only what was recorded meanwhile counts.
        """
        if len(self._log_ns) == 0 or len(other._log_ns) == 0:
            return 0.0
        first, last = other._log_ns[0], other._log_ns[-1]
        meanwhile = (self._log_ns >= first) & (self._log_ns <= last)
        if not meanwhile.any():
            return 0.0
        # Relative to the first, because float64 holds seconds since 1970 to a quarter microsecond only.
        base_ns = other._ahead_ns[0]
        theirs_ns = np.interp(self._log_ns[meanwhile] - first, other._log_ns - first, other._ahead_ns - base_ns)
        return float(np.median(self._ahead_ns[meanwhile] - base_ns - theirs_ns)) / NS_PER_S


def disagreement(what: str, mine: Clock, poses: str, theirs: Clock) -> list[str]:
    """A sentence where two clocks differ by more than ``MOST_S``."""
    ahead_s = mine.ahead_of_s(theirs)
    if abs(ahead_s) <= MOST_S:
        return []
    side = "ahead of" if ahead_s > 0 else "behind"
    return [
        f"going by when they were recorded, the stamps of {what} are {abs(ahead_s):.1f} s {side} those of {poses}: "
        "if these are two clocks, the poses are as much off"
    ]
