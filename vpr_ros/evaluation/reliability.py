# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether a stated probability means what it says: reliability table and expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.evaluation.binomial import Interval, percent_interval
from vpr_ros.evaluation.positives import BoolArray


@dataclass(frozen=True)
class ReliabilityBin:
    """The queries whose stated probability lies in [low, high) (the last bin includes 1).

    Attributes:
        low, high: edges of the bin.
        count: queries in it.
        mean_probability: what was stated, on average; NaN when empty.
        share_right: what came true; NaN when empty.
        share_right_interval: its exact 95 % interval, 0..1, see ``percent_interval``; None when empty.
    """

    low: float
    high: float
    count: int
    mean_probability: float
    share_right: float
    share_right_interval: Interval | None = None


@dataclass(frozen=True)
class Reliability:
    """Stated against observed.

    Attributes:
        expected_calibration_error: mean |stated - observed| over the bins, weighted by count (Guo et al. 2017).
        brier_score: mean squared difference between probability and outcome.
        bins: the table.
    """

    expected_calibration_error: float
    brier_score: float
    bins: tuple[ReliabilityBin, ...]


def reliability(probabilities: npt.NDArray[np.floating], right: BoolArray, bin_count: int = 10) -> Reliability:
    """Compare (Q,) stated probabilities with (Q,) outcomes in bins of equal width.

    Raises:
        ValueError: no queries, or a probability outside 0..1.
    """
    stated = np.asarray(probabilities, dtype=np.float64)
    if not stated.size or not ((stated >= 0) & (stated <= 1)).all():
        raise ValueError("probabilities must lie in 0..1, one per query")
    edges = np.linspace(0.0, 1.0, bin_count + 1)
    bin_of = np.minimum((stated * bin_count).astype(np.int64), bin_count - 1)
    bins = []
    for number in range(bin_count):
        members = bin_of == number
        count = int(members.sum())
        mean = float(stated[members].mean()) if count else float("nan")
        share = float(right[members].mean()) if count else float("nan")
        percent = percent_interval(int(right[members].sum()), count)
        interval = None if percent is None else (percent[0] / 100, percent[1] / 100)
        bins.append(ReliabilityBin(float(edges[number]), float(edges[number + 1]), count, mean, share, interval))
    gaps = [row.count * abs(row.mean_probability - row.share_right) for row in bins if row.count]
    return Reliability(float(sum(gaps) / stated.size), float(np.mean((stated - right) ** 2)), tuple(bins))
