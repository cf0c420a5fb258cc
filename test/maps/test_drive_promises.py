# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What drives teach a map: from which proof on it vouches, in each condition by itself, and what it states since."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import yaml

from vpr_ros.mapping.restated_fit import fit_restated
from vpr_ros.maps.drive import MOST_DRIVES, Drive, drives_from_list
from vpr_ros.maps.manifest import MOST_MANIFEST_VALUES
from vpr_ros.maps.promise import Promise
from vpr_ros.maps.restated import BINS, Restated, StatedBin, stated_bins
from vpr_ros.maps.tally import LEVELS, Tally


def drive(right: list[float], wrong: list[float], condition: str = "", name: str = "second") -> Drive:
    """Answers by their proof."""
    is_wrong = np.arange(len(right) + len(wrong)) >= len(right)
    return Drive(name, "2026-11-27T00:00:00+00:00", Tally.of(np.array(right + wrong), is_wrong), 0, condition)


def test_230_proved_answers_and_none_wrong_promise_one_percent() -> None:
    enough, too_few = (Promise(drives=(drive([100.0] * count, [45.0] * 30),)) for count in (230, 229))
    vouched = enough.vouched(0.01, 0.1)
    assert vouched is not None and (vouched.source, vouched.rate) == ("calibrated", 0.01)
    assert 45.0 < vouched.least_proof <= 100.0
    other = too_few.vouched(0.01, 0.1)
    assert other is None or other.source != "calibrated"
    loose = too_few.vouched(0.02, 0.1)
    assert loose is not None and loose.source == "calibrated"  # what it can promise is kept


def test_a_promise_holds_in_each_condition_not_on_average() -> None:
    """Five hundred days without an error hide a night in which one in ten is wrong."""
    day = drive([100.0] * 500, [])
    night = drive([100.0] * 18 + [200.0] * 20, [100.0] * 2)
    together = Promise(drives=(day, night)).vouched(0.02, 0.1)
    apart = Promise(drives=(day, Drive("n", night.created_utc, night.answers, condition="night"))).vouched(0.02, 0.1)
    assert together is not None and together.least_proof <= 100.0
    assert apart is not None and apart.source == "calibrated" and 100.0 < apart.least_proof <= 200.0
    hopeless = Drive("n", night.created_utc, Tally.of(np.full(5, 500.0), np.ones(5, bool)), condition="night")
    assert Promise(drives=(day, hopeless)).vouched(0.02, 0.1) is None


def test_a_drive_says_nothing_of_mirrored_pictures() -> None:
    mirrored = Tally.of(np.array([200.0] * 5 + [0.0] * 25), np.ones(30, bool))
    vouched = Promise(mirrored=mirrored, drives=(drive([100.0] * 300, []),)).vouched(0.01, 0.1)
    assert vouched is not None and vouched.source == "calibrated" and 100.0 < vouched.least_proof <= 200.0


def test_a_line_that_no_answer_reaches_is_no_promise() -> None:
    """A map whose mirrored frames get as many inliers as its own can vouch for nothing, whatever its drives say."""
    symmetric = Tally.of(np.full(30, 500.0), np.ones(30, bool))
    assert Promise(mirrored=symmetric, drives=(drive([450.0] * 300, []),)).vouched(0.01, 0.1) is None


def test_probabilities_are_stated_as_they_came_true() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(0.02, 0.98, 3000)
    odds = np.log(true / (1 - true))
    stated = 1 / (1 + np.exp(-(2.0 * odds - 1.0)))  # too sure of itself
    restated = fit_restated(stated_bins(stated, rng.random(3000) < true))
    assert restated is not None
    assert np.abs(stated - true).mean() > 0.1
    assert np.abs(restated.of(stated) - true).mean() < 0.03
    assert restated.of(np.array([0.0]))[0] == 0.0  # nobody looked


def test_a_small_drive_changes_little_and_none_makes_strangers_certain() -> None:
    assert fit_restated(stated_bins(np.full(19, 0.3), np.ones(19, bool))) is None
    restated = fit_restated(stated_bins(np.full(24, 0.9), np.ones(24, bool)))
    assert restated is not None
    assert restated.of(np.array([0.9]))[0] > 0.92 and restated.of(np.array([0.1]))[0] < 0.35


def test_tables_add_up_and_are_read_as_they_were_written() -> None:
    table = stated_bins(np.array([0.0, 0.04, 0.06, 1.0]), np.array([False, True, False, True]))
    assert table == (StatedBin(0.02, 2, 1), StatedBin(0.06, 1, 0), StatedBin(1.0, 1, 1))
    kept = Drive("a", "2026", Tally.of(np.array([50.0]), np.array([False])), 1, "day", table, "0f")
    assert drives_from_list([kept.to_dict()]) == (kept,)
    assert Restated.from_dict(Restated(0.5, -1.0).to_dict()) == Restated(0.5, -1.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stated", [[0.5, 2, 3]]), ("stated", [[1.5, 2, 1]]), ("stated", [[0.5, 0, 0]]), ("stated", [7]),
        ("stated", [[0.5, 1, 1]] * 21), ("near_misses", 2), ("near_misses", -1), ("name", None), ("answers", []),
    ],
)  # fmt: skip
def test_a_drive_that_cannot_be_is_refused(key: str, value: Any) -> None:
    plain = drive([100.0], []).to_dict()
    with pytest.raises((TypeError, ValueError)):
        drives_from_list([{**plain, key: value}])
    del plain[key]
    with pytest.raises(ValueError, match="no entry"):
        drives_from_list([plain])


def test_near_misses_are_none_of_the_wrong_ones() -> None:
    with pytest.raises(ValueError, match="near_misses is 2, expected 0 to 1"):
        drives_from_list([{**drive([100.0], [100.0, 60.0]).to_dict(), "near_misses": 2}])


def test_a_manifest_has_room_for_as_many_drives_as_a_map_may_have() -> None:
    everywhere = Tally((1,) * len(LEVELS), (1,) * len(LEVELS), 1, 1)
    full = Drive("n", "2026", everywhere, 1, "day", (StatedBin(0.5, 2, 1),) * BINS, "0f")
    values = yaml.safe_dump(full.to_dict()).count("\n") + 2 * len(full.to_dict())  # a line a value and some more
    assert MOST_DRIVES * values < 0.8 * MOST_MANIFEST_VALUES


def test_too_many_drives_and_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="drives has 101 entries"):
        drives_from_list([{}] * (MOST_DRIVES + 1))
    for plain in ({"scale": -1.0, "bias": 0.0}, {"scale": 1.0, "bias": math.nan}, {"scale": 1.0, "bias": "0"}):
        with pytest.raises((TypeError, ValueError)):
            Restated.from_dict(plain)
