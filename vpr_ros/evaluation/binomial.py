# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How far a share that was counted may lie from the true one: the exact interval of Clopper and Pearson (1934)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scipy.stats import beta

CONFIDENCE = 0.95

Interval = tuple[float, float]


def percent_interval(successes: int, trials: int) -> Interval | None:
    """The 95 % interval of a share in percent, None where nothing was tried.

    It takes the trials for independent. Neighbouring images of one drive are not, so the truth is less certain still.

    Raises:
        ValueError: fewer than none or more successes than trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if not trials:
        return None
    tail = (1.0 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1.0 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return 100.0 * low, 100.0 * high


def share_figures(name: str, successes: int | None, trials: int) -> dict[str, Any]:
    """*name*: the share in percent, and ``NAME_interval``; both None where nothing was tried or nobody counted."""
    if successes is None or not trials:
        return {name: None, f"{name}_interval": None}
    return {name: 100.0 * successes / trials, f"{name}_interval": percent_interval(successes, trials)}


def count_text(successes: int, trials: int) -> str:
    """``3 of 5: 60.0 % (14.7 to 94.7)``."""
    if not trials:
        return "0 of 0"
    interval = interval_text(percent_interval(successes, trials))
    return f"{successes} of {trials}: {100 * successes / trials:.1f} % ({interval})"


def interval_text(percent: Sequence[float] | None) -> str:
    """``19.4 to 99.4``; ``-`` where nobody knows."""
    return "-" if percent is None else f"{percent[0]:.1f} to {percent[1]:.1f}"
