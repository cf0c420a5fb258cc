# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images that never came: those the middleware says it lost, and those that are missing between the stamps."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Final

import numpy as np

from vpr_ros.core.time_ns import NS_PER_S

WINDOW_S: Final = 10.0
FEWEST_LOST: Final = 2
LOST_SHARE: Final = 0.05
"""Of the images within the window: a single lost one is no reason to look for its cause."""
MOST_AT_ONCE: Final = 1_000_000
"""Fast DDS's counter is an int32 that saturates, overflows and comes as a uint64: larger steps count nothing."""

STAMPS: Final = 50
FEWEST_INTERVALS: Final = 10
SHORT_QUANTILE: Final = 0.1
"""Which of the intervals is the camera's own period: with half of the images lost, half of the intervals still are."""
FEWEST_GAPS: Final = 5
"""So many gaps, and so many changes between gap and none: a camera that changes its rate does so once or twice."""
PAUSE_S: Final = 3.0
"""Longer without an image: the driver paused, or a player ended and another began."""
WHOLE: Final = 0.15
MOST: Final = 0.8
"""A camera keeps a period when this share of its intervals, and of the long ones, are whole periods to ``WHOLE``."""
MISSING_SHARE: Final = 0.2

PROFILE_REMEDY: Final = (
    "Set the DDS profile for large images in the terminal of whoever publishes them (docs/interface.md, Large images)"
)


class ImageGaps:
    """What one camera's images lack. Written by the executor's thread, read at any time."""

    def __init__(self) -> None:
        self._received_s: deque[float] = deque(maxlen=2000)
        self._lost: deque[tuple[float, int]] = deque(maxlen=2000)
        self._stamps_ns: deque[int] = deque(maxlen=STAMPS)

    def arrived(self, stamp_ns: int) -> None:
        """Count an image; *stamp_ns* is 0 where it has no stamp of its own."""
        self._received_s.append(time.monotonic())
        if stamp_ns == 0 or (self._stamps_ns and not 0 <= stamp_ns - self._stamps_ns[-1] <= NS_PER_S * PAUSE_S):
            self._stamps_ns.clear()  # another run of a recording, a pause, or a second publisher: nothing to be said
        if stamp_ns != 0:
            self._stamps_ns.append(stamp_ns)

    def lost(self, count: int) -> None:
        """Count images that the middleware says it lost just now."""
        self._lost.append((time.monotonic(), count))

    def fault(self) -> str:
        """What is wrong and what to do, "" where nothing is."""
        since_s = time.monotonic() - WINDOW_S
        received = sum(1 for at_s in tuple(self._received_s) if at_s > since_s)
        lost = sum(count for at_s, count in tuple(self._lost) if at_s > since_s)
        if lost >= FEWEST_LOST and lost >= LOST_SHARE * (lost + received):
            within = f"{lost} of {lost + received} images of the last {WINDOW_S:g} s"
            return f"{within} were lost on the way. {PROFILE_REMEDY}."
        intervals, missing, period_s = missing_between(tuple(self._stamps_ns))
        if missing >= MISSING_SHARE * (intervals + missing) > 0:
            all_of_them = intervals + missing
            what = f"{missing} of {all_of_them} images are missing between the stamps, one every {period_s:.3g} s"
            why = "the driver leaves them out, they are lost on the way, or this machine is too busy to take them"
            return f"{what}: {why}. Compare `ros2 topic hz` where the driver runs. {PROFILE_REMEDY}."
        return ""


def missing_between(stamps_ns: tuple[int, ...]) -> tuple[int, int, float]:
    """How many images are missing between those that came.

    Args:
        stamps_ns: in the order they came.

    Returns:
        The intervals looked at, the images missing between them, and the camera's period in seconds. Nothing is missing
        between few images, nor where the camera keeps no period.
    """
    stamps = np.asarray(stamps_ns, dtype=np.int64)
    intervals_s = (stamps[1:] - stamps[:-1]) / NS_PER_S
    intervals_s = intervals_s[intervals_s > 0]
    if len(intervals_s) < FEWEST_INTERVALS:
        return 0, 0, 0.0
    shortest_s = float(np.quantile(intervals_s, SHORT_QUANTILE, method="lower"))
    period_s = float(np.median(intervals_s[intervals_s < 1.5 * shortest_s]))
    period_s = float(intervals_s.sum() / np.maximum(np.round(intervals_s / period_s), 1).sum())
    periods = intervals_s / period_s
    count = np.maximum(np.round(periods), 1)
    whole, gap = np.abs(periods - count) <= WHOLE, count > 1
    changes = int((gap[1:] != gap[:-1]).sum())
    if min(int(gap.sum()), changes) < FEWEST_GAPS or whole.mean() < MOST or whole[gap].mean() < MOST:
        return len(periods), 0, period_s
    return len(periods), int(count.sum()) - len(periods), period_s


def lost_now(event: Any) -> int:
    """How many messages were lost since the event before this one.

    Args:
        event: of the middleware, with ``total_count`` and ``total_count_change``.
    """
    count = int(event.total_count_change)
    return count if 0 <= count <= MOST_AT_ONCE else 1
