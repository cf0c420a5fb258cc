# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The acceptance sweep, its ties and its false positives."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.evaluation.precision_recall import precision_recall
from vpr_ros.evaluation.reliability import reliability


def test_curve_by_hand() -> None:
    # right, right, wrong, right; a fifth query has an answer that was never found.
    curve = precision_recall(np.array([0.9, 0.8, 0.7, 0.6, 0.1]), np.array([True, True, False, True, False]), 5)
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.7, 0.6, 0.1])
    np.testing.assert_allclose(curve.precision, [1, 1, 2 / 3, 3 / 4, 3 / 5])
    np.testing.assert_allclose(curve.recall, [0.2, 0.4, 0.4, 0.6, 0.6])
    assert curve.recall_at_100_precision == pytest.approx(0.4)
    assert curve.average_precision == pytest.approx(0.2 + 0.2 + 0.2 * 3 / 4)


def test_equal_scores_are_accepted_together() -> None:
    curve = precision_recall(np.array([0.5, 0.9, 0.9]), np.array([True, False, True]), 2)
    np.testing.assert_allclose(curve.threshold, [0.9, 0.5])
    np.testing.assert_allclose(curve.precision, [0.5, 2 / 3])
    assert curve.recall_at_100_precision == 0.0


def test_the_order_of_the_queries_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    scores, right = rng.integers(0, 12, 60) / 12, rng.random(60) < 0.6
    shuffled = rng.permutation(60)
    one, other = precision_recall(scores, right, 50), precision_recall(scores[shuffled], right[shuffled], 50)
    assert one.average_precision == pytest.approx(other.average_precision)
    np.testing.assert_allclose(one.recall, other.recall)


def test_a_query_without_score_is_never_accepted() -> None:
    curve = precision_recall(np.array([np.nan, 0.4]), np.array([False, True]), 2)
    np.testing.assert_allclose(curve.precision, [1.0])
    np.testing.assert_allclose(curve.recall, [0.5])


def test_nothing_to_accept() -> None:
    curve = precision_recall(np.array([]), np.array([], dtype=bool), 0)
    assert (curve.average_precision, curve.recall_at_100_precision) == (0.0, 0.0)


def test_more_right_than_answerable_is_a_defect() -> None:
    with pytest.raises(ValueError, match="1 right answers"):
        precision_recall(np.array([1.0]), np.array([True]), 0)


def test_calibration_error_by_hand() -> None:
    found = reliability(np.array([0.95, 1.0, 0.05, 0.05]), np.array([True, False, False, False]))
    # Last bin: 2 queries state 0.975, 0.5 came true; first bin: 2 state 0.05, 0 came true.
    assert found.expected_calibration_error == pytest.approx((2 * 0.475 + 2 * 0.05) / 4)
    assert [row.count for row in found.bins] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert found.brier_score == pytest.approx((0.05**2 + 1 + 2 * 0.05**2) / 4)


def test_honest_probabilities_have_a_small_error() -> None:
    rng = np.random.default_rng(7)
    stated = rng.random(20000)
    assert reliability(stated, rng.random(20000) < stated).expected_calibration_error < 0.02
    assert reliability(stated, rng.random(20000) < stated**2).expected_calibration_error > 0.1


@pytest.mark.parametrize("stated", [[1.2], [np.nan], []])
def test_numbers_that_are_no_probabilities_are_refused(stated: list[float]) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        reliability(np.array(stated), np.ones(len(stated), dtype=bool))
