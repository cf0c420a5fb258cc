# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Answers counted by proof, and the line from which on a rate of wrong ones is shown to hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vpr_ros.maps.tally import LEVELS, Tally, fewest_answers


def tally(right: dict[int, int], wrong: dict[int, int] | None = None) -> Tally:
    """Level -> how many answers have just this proof."""
    counts = {
        **{(level, False): n for level, n in right.items()},
        **{(level, True): n for level, n in (wrong or {}).items()},
    }
    proof = np.repeat([float(level) for level, _ in counts], list(counts.values()))
    return Tally.of(proof, np.repeat([is_wrong for _, is_wrong in counts], list(counts.values())))


def test_one_in_a_hundred_at_nine_in_ten_takes_230_answers_without_a_wrong_one() -> None:
    assert fewest_answers(0.01, 0.1) == 230
    assert tally({100: 229}).line(0.01, 0.1) is None
    assert tally({100: 230}).line(0.01, 0.1) == 100.0


def test_the_line_goes_down_until_the_exact_tail_fails() -> None:
    """388 answers with one wrong: the chance of so few at 1 % is 0.0998; with 387 it is 0.1006."""
    assert tally({100: 300, 60: 87}, {60: 1}).line(0.01, 0.1) == 60.0
    assert tally({100: 300, 60: 86}, {60: 1}).line(0.01, 0.1) == 100.0
    assert tally({100: 300, 60: 86}, {60: 1}).line(0.05, 0.1) == 60.0


def test_a_wrong_answer_at_the_top_is_not_stepped_over() -> None:
    """The sequence is fixed beforehand and ends with its first failure, whatever comes later."""
    assert tally({300: 250, 60: 5000}, {300: 5}).line(0.01, 0.1) is None


def test_what_is_proved_too_little_counts_for_no_level() -> None:
    counted = tally({20: 7, 55: 2, 1000: 3}, {30: 4, 50: 1})
    assert (counted.unproved_right, counted.unproved_wrong, counted.answers, counted.wrong_answers) == (7, 4, 17, 5)
    answers, wrong = counted.from_level_on()
    assert (answers[0], answers[1], answers[2], answers[-1]) == (6, 5, 3, 3) and wrong.sum() == 1
    assert counted + counted == tally({20: 14, 55: 4, 1000: 6}, {30: 8, 50: 2})


def test_the_level_that_a_share_reaches() -> None:
    alike = tally({}, {30: 90, 60: 8, 95: 2})
    assert [alike.reached_by(share) for share in (0.1, 0.05, 0.02, 0.01)] == [50.0, 65.0, 65.0, 100.0]
    assert Tally().reached_by(0.01) == 0.0
    assert tally({}, {1000: 1}).reached_by(0.01) == math.inf


def test_the_level_up_to_which_too_many_were_wrong() -> None:
    counted = tally({100: 99, 60: 100}, {60: 3})
    assert counted.contradicted_up_to(0.01) == 65.0
    assert counted.contradicted_up_to(0.02) == float(LEVELS[0])
    assert tally({}, {1000: 1}).contradicted_up_to(0.1) == math.inf


def test_it_comes_back_from_the_manifest() -> None:
    counted = tally({20: 7, 55: 2, 1000: 3}, {30: 4, 50: 1})
    assert Tally.from_dict(counted.to_dict()) == counted
    assert Tally.from_dict(Tally().to_dict()) == Tally()


@pytest.mark.parametrize(
    "change",
    [{"right": [0] * (len(LEVELS) + 1)}, {"right": [-1]}, {"wrong": [0.5]}, {"wrong": "1"}, {"unproved_right": -1}],
)
def test_what_is_no_count_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Tally.from_dict({**Tally().to_dict(), **change})
