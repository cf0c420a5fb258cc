# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Tuple mining on descriptors whose geometry is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.tuple_mining import NOTHING, MiningConfig, TupleMiner
from vpr_ros.training.tuple_positions import Placement, TupleRule, positives_and_non_negatives


def on_circle(degrees: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Unit descriptors whose squared distance grows with the angle between them."""
    angle = np.deg2rad(np.asarray(degrees, dtype=np.float64))
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def indices(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def test_positives_and_negatives_by_distance_heading_and_time() -> None:
    queries = Placement(np.array([[0.0, 0.0]]), np.array([0.1]), indices(7))
    database = Placement(
        np.array([[0.5, 0.0], [1.0, 0.0], [10.0, 0.0], [0.0, 10.1], [25.0, 0.0], [25.1, 0.0], [5.0, 0.0]]),
        np.array([0.1, 2 * np.pi, 0.1, 0.1, 0.1, 0.1, 0.1 + np.pi]),
        indices(1, 1, 7, 1, 1, 1, 1),
    )
    flat = Placement(queries.position_m), Placement(database.position_m)
    positives, non_negatives = positives_and_non_negatives(*flat, TupleRule())
    assert positives[0].tolist() == [0, 1, 2, 6]
    assert non_negatives[0].tolist() == [0, 1, 2, 3, 4, 6]
    assert positives_and_non_negatives(*flat, TupleRule(trivial_radius_m=1.0))[0][0].tolist() == [2, 6]
    rule = TupleRule(max_heading_rad=np.deg2rad(40))
    positives, non_negatives = positives_and_non_negatives(queries, database, rule)
    assert positives[0].tolist() == [0, 1]  # 2 has the query's time, 6 looks the other way
    assert non_negatives[0].tolist() == [0, 1, 2, 3, 4, 6]


def test_a_position_that_is_not_finite_is_named() -> None:
    good, bad = Placement(np.zeros((2, 2))), Placement(np.array([[0.0, 0.0], [np.nan, 0.0]]))
    with pytest.raises(TrainingError, match=r"1 database images have no finite position, the first is number 1"):
        positives_and_non_negatives(good, bad, TupleRule())


@pytest.mark.parametrize("cache", ["full", "partial"])
def test_best_positive_and_hardest_violating_negatives(cache: str) -> None:
    # query at 0 deg; positives at 40 and 30 deg: d2 = 0.268 for the nearer one, + margin 0.1 reaches 35.3 deg
    database = on_circle([40, 30, 35, 20, 90, 10, 36])
    config = MiningConfig(negatives=3, random_negatives=100, cache=cache)  # type: ignore[arg-type]
    miner = TupleMiner([indices(0, 1)], [indices(0, 1, 5)], 7, config)
    queries = miner.queries(0, 1)
    needed = miner.needed(queries, 0)
    (mined,) = miner.mine(queries, on_circle([0]), needed, database[needed], 0)
    assert mined.positive == 1
    assert mined.negatives == (3, 2), "hardest first; 5 is too near on the ground, 6 and 4 do not violate"
    assert miner.remembered[0].tolist() == [3, 2, 6], "the hardest are remembered, violating or not"


def test_the_hardest_are_taken_whether_they_violate_or_not_when_asked() -> None:
    config = MiningConfig(negatives=2, only_violating=False)
    miner = TupleMiner([indices(0)], [indices(0)], 4, config)
    (mined,) = miner.mine(indices(0), on_circle([0]), np.arange(4), on_circle([0, 90, 180, 120]), 0)
    assert mined.negatives == (1, 3)


def test_a_query_whose_negatives_are_all_far_is_left_out() -> None:
    miner = TupleMiner([indices(0)], [indices(0)], 3, MiningConfig())
    assert miner.mine(indices(0), on_circle([0]), np.arange(3), on_circle([1, 90, 180]), 0) == []


def test_remembered_negatives_come_back_when_the_draw_misses_them() -> None:
    size = 400
    database = on_circle(np.r_[5, np.full(size - 1, 120.0)])
    database[77] = on_circle([3])[0]
    config = MiningConfig(negatives=2, random_negatives=1)
    miner = TupleMiner([indices(0)], [indices(0)], size, config, seed=3)
    miner.remembered[0] = [77, NOTHING]
    for interval in range(5):
        (mined,) = miner.mine(indices(0), on_circle([0]), np.arange(size), database, interval)
        assert mined.negatives[0] == 77


def test_a_partial_cache_needs_only_candidates_positives_and_the_remembered() -> None:
    config = MiningConfig(negatives=2, random_negatives=5, cache="partial")
    miner = TupleMiner([indices(0), indices(1)], [indices(0), indices(1)], 1000, config)
    miner.remembered[1] = [999, NOTHING]
    needed = miner.needed(indices(0, 1), 4)
    assert {0, 1, 999} <= set(needed.tolist())
    assert len(needed) <= 5 + 3


def test_queries_without_positive_are_skipped_and_each_pass_is_shuffled() -> None:
    positives = [indices(0) if q % 2 else indices() for q in range(20)]
    miner = TupleMiner(positives, positives, 5, MiningConfig())
    first, second = miner.queries(0, 10), miner.queries(10, 10)
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(1, 20, 2))
    assert first.tolist() != second.tolist()
    across = miner.queries(7, 6)
    assert across.tolist() == first[7:].tolist() + second[:3].tolist()


def test_the_interval_doubles_with_each_halving_of_the_learning_rate() -> None:
    assert [MiningConfig().interval(h) for h in (0, 1, 2)] == [1000, 2000, 4000]


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(TrainingError, match="none of 2 training queries"):
        TupleMiner([indices(), indices()], [indices(), indices()], 5, MiningConfig())
