# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What other maps taught: their answers to drives on another day, counted by proof; development figures.

Eight maps of real places and 1053 queries of other drives, other lights or other seasons, asked with the model that
ships (400 keypoints kept of a frame). See docs/trust.md for which they are, and how to count anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vpr_ros.maps.tally import Tally

# fmt: off
_STRICTEST: Final = Tally.counted(
    right=(
        0, 0, 0, 15, 9, 11, 7, 11, 9, 20, 9, 7, 9, 14, 14, 7, 6, 11, 9, 10, 30, 38, 19, 26, 22, 12, 8, 5, 9, 8, 4,
        3, 8, 11, 2, 2, 2, 6, 4, 3, 2, 3, 0, 2, 4, 0, 1,
    ),
    wrong=(),
)
_STRICT: Final = Tally.counted(
    right=(
        0, 0, 6, 15, 9, 11, 7, 11, 9, 20, 9, 12, 9, 14, 14, 7, 6, 11, 9, 10, 30, 38, 19, 26, 22, 12, 8, 5, 9, 8, 4,
        3, 8, 11, 2, 2, 2, 6, 4, 3, 2, 3, 0, 2, 4, 0, 1,
    ),
    wrong=(),
)
_MIDDLING: Final = Tally.counted(
    right=(
        8, 17, 10, 21, 21, 31, 22, 21, 18, 30, 17, 15, 10, 17, 14, 8, 6, 11, 9, 10, 30, 38, 19, 26, 22, 12, 8, 5, 9,
        8, 4, 3, 8, 11, 2, 2, 2, 6, 4, 3, 2, 3, 0, 2, 4, 0, 1,
    ),
    wrong=(1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1),
)
_LOOSE: Final = Tally.counted(
    right=(
        8, 17, 18, 25, 21, 31, 22, 21, 18, 30, 17, 15, 10, 17, 14, 8, 6, 11, 9, 10, 30, 38, 19, 26, 22, 12, 8, 5, 9,
        8, 4, 3, 8, 11, 2, 2, 2, 6, 4, 3, 2, 3, 0, 2, 4, 0, 1,
    ),
    wrong=(1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1),
)

ASKED_THEMSELVES: Final[Mapping[float, Tally]] = {
    0.005: _STRICTEST,
    0.01: _STRICT,
    0.02: _MIDDLING,
    0.03: _MIDDLING,
    0.05: _LOOSE,
    0.1: _LOOSE,
}
"""By rate: of seven maps that asked themselves, the answers that are proved better than ``alike_up_to(rate)``."""

NEVER_ASKED: Final = Tally.counted(
    right=(
        24, 30, 21, 31, 25, 40, 23, 29, 22, 33, 22, 19, 12, 19, 16, 12, 9, 11, 10, 14, 32, 41, 21, 27, 22, 12, 8, 5,
        9, 9, 4, 3, 8, 11, 2, 3, 2, 6, 4, 3, 2, 3, 0, 2, 4, 0, 1,
    ),
    wrong=(1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1),
)
"""All answers of all eight."""
