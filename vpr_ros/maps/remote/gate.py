# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which frames a search may find, said to the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.maps.remote.schema import FRAME, POSITION

MOST_NUMBERED: Final = 1000
"""Up to so many frames are named one by one; the server reads the words of a longer list slower than it searches."""
_MARGIN_M: Final = 1e-6


@dataclass(frozen=True, eq=False)
class Gate:
    """Frames to search among.

    Attributes:
        words: the filter; "" for all.
        exact: whether it lets through these frames alone. A box around them may hold others.
        rows: (M,) the frames, sorted; None for all.
        count: how many there are.
    """

    words: str
    exact: bool
    rows: npt.NDArray[np.int64] | None
    count: int


def gate(position_m: npt.NDArray[np.float64], allowed: npt.NDArray[np.int64] | None) -> Gate:
    """What tells the server to search among *allowed* alone: their numbers where they are few, else a box around them.

    Args:
        position_m: (N, 3) of all frames.
        allowed: (M,) rows, or None for all.
    """
    if allowed is None:
        return Gate("", True, None, len(position_m))
    rows = np.unique(allowed)
    if len(rows) == len(position_m):
        return Gate("", True, None, len(position_m))
    if len(rows) <= MOST_NUMBERED:
        return Gate(f"{FRAME} in {rows.tolist()}", True, rows, len(rows))
    least, most = position_m[rows].min(axis=0) - _MARGIN_M, position_m[rows].max(axis=0) + _MARGIN_M
    words = " and ".join(
        f"{name} >= {low!r} and {name} <= {high!r}"
        for name, low, high in zip(POSITION, least.tolist(), most.tolist(), strict=True)
    )
    inside = np.logical_and(position_m >= least, position_m <= most).all(axis=1)
    return Gate(words, int(inside.sum()) == len(rows), rows, len(rows))
