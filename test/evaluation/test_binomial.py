# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Exact intervals of shares, against their definition."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from vpr_ros.evaluation.binomial import percent_interval


@pytest.mark.parametrize("trials", [1, 10, 111])
def test_none_and_all_have_a_closed_form(trials: int) -> None:
    beyond = 100 * (1 - 0.025 ** (1 / trials))
    assert percent_interval(0, trials) == pytest.approx((0.0, beyond))
    assert percent_interval(trials, trials) == pytest.approx((100.0 - beyond, 100.0))


def test_beyond_either_end_the_count_would_surprise() -> None:
    """At each end of the interval, so many or fewer (or more) are seen once in 40 times."""
    interval = percent_interval(7, 31)
    assert interval is not None
    assert binom.sf(6, 31, interval[0] / 100) == pytest.approx(0.025)
    assert binom.cdf(7, 31, interval[1] / 100) == pytest.approx(0.025)


def test_nothing_tried_says_nothing() -> None:
    assert percent_interval(0, 0) is None
    with pytest.raises(ValueError, match="3 successes in 2"):
        percent_interval(3, 2)
