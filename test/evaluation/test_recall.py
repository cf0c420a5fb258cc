# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Recall@N against the published evaluation loop, and its rule for queries without an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.positives_by_distance import PoseThreshold, positives_by_distance
from vpr_ros.evaluation.recall import recall_at_n
from vpr_ros.evaluation.retrieval import evaluate_retrieval, nearest

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "recall_at_n.npz"


def test_golden_positives_predictions_and_recalls_are_exact() -> None:
    with np.load(GOLDEN, allow_pickle=False) as golden:
        positives = positives_by_distance(golden["utm_db"], golden["utm_q"], PoseThreshold(25.0))
        assert [len(row) for row in positives.indices] == golden["positives_count"].tolist()
        np.testing.assert_array_equal(np.concatenate(positives.indices), golden["positives_flat"])
        np.testing.assert_array_equal(nearest(golden["feat_db"], golden["feat_q"], 20), golden["predictions_top20"])
        ranks = tuple(int(n) for n in golden["recall_values"])
        recall = evaluate_retrieval(golden["feat_db"], golden["feat_q"], positives, ranks)
        assert list(recall.at.values()) == golden["recalls_percent"].tolist()
        assert recall.queries_without_answer == int((golden["positives_count"] == 0).sum()) > 0


def test_queries_without_answer_stay_in_the_denominator() -> None:
    positives = Positives.from_lists([[0], [1], [], []], "test")
    recall = recall_at_n(np.array([[0, 2], [2, 1], [0, 1], [1, 0]]), positives, (1, 2))
    assert recall.at == {1: 25.0, 2: 50.0}
    assert recall.at_answerable == {1: 50.0, 2: 100.0}
    assert (recall.queries, recall.queries_without_answer) == (4, 2)


def test_no_prediction_is_a_miss_and_ranks_beyond_the_list_count_what_there_is() -> None:
    positives = Positives.from_lists([[0], [1]], "test")
    recall = recall_at_n(np.array([[-1, -1], [0, 1]]), positives)
    assert recall.at == {1: 0.0, 5: 50.0, 10: 50.0, 20: 50.0}


def test_nobody_has_an_answer() -> None:
    recall = recall_at_n(np.array([[0]]), Positives.from_lists([[]], "test"), (1,))
    assert recall.at == {1: 0.0}
    assert np.isnan(recall.at_answerable[1])


def test_small_map_gives_fewer_columns() -> None:
    assert nearest(np.eye(3), np.eye(3)[:2], 20).shape == (2, 3)


def test_dimensions_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 4\)"):
        nearest(np.eye(3), np.ones((2, 4)), 1)


def test_wrong_number_of_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="2 rows of predictions for 1 queries"):
        Positives.from_lists([[0]], "test").correct(np.zeros((2, 1), dtype=np.int64))
