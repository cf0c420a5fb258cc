# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Stamps that contradict those around them: a few may be left out, many are a clock that cannot be trusted."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from vpr_ros.sources.time_range import Stamps

# Fewer stamps than this do not tell which of them are wrong; more strays than this are no strays.
_LEAST_STAMPS = 10
_STRAY_SHARE = 0.05


def in_line(stamps_ns: Stamps, reordering_ns: int) -> npt.NDArray[np.bool_]:
    """(N,) which of N stamps, in the order of arrival, run forward with most of the others.

    All of them where no small number of strays explains the disorder.

    Args:
        stamps_ns: (N,).
        reordering_ns: messages may overtake each other by this much.
    """
    everything = np.ones(len(stamps_ns), dtype=bool)
    if len(stamps_ns) < _LEAST_STAMPS or (np.maximum.accumulate(stamps_ns) - stamps_ns).max() <= reordering_ns:
        return everything
    # Two stamps, one of them a stray, may both go before all others. From this end the later of them is found, from
    # the other end the earlier one: the nearer one is wanted at either end of the recording.
    first_half = np.arange(len(stamps_ns)) < len(stamps_ns) // 2
    kept = np.where(first_half, _longest_forward(-stamps_ns[::-1])[::-1], _longest_forward(stamps_ns))
    lowest, highest = np.iinfo(np.int64).min // 2, np.iinfo(np.int64).max // 2
    before = np.maximum.accumulate(np.where(kept, stamps_ns, lowest))
    after = np.minimum.accumulate(np.where(kept, stamps_ns, highest)[::-1])[::-1]
    kept |= (before - stamps_ns <= reordering_ns) & (stamps_ns - after <= reordering_ns)
    return kept if (~kept).sum() <= max(1.0, _STRAY_SHARE * len(kept)) else everything


def _longest_forward(stamps_ns: Stamps) -> npt.NDArray[np.bool_]:
    """(N,) membership in the longest subsequence that never decreases."""
    ends: list[int] = []
    numbers: list[int] = []
    previous: list[int] = []
    for number, stamp_ns in enumerate(stamps_ns.tolist()):
        length = bisect_right(ends, stamp_ns)
        previous.append(numbers[length - 1] if length else -1)
        if length == len(ends):
            ends.append(stamp_ns)
            numbers.append(number)
        else:
            ends[length], numbers[length] = stamp_ns, number
    kept = np.zeros(len(stamps_ns), dtype=bool)
    number = numbers[-1]
    while number >= 0:
        kept[number] = True
        number = previous[number]
    return kept
