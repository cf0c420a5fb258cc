# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What paired runs say of the papers' claims, and by which rule."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.training.paired_runs import paired_difference
from vpr_ros.training.study.cell import AGGREGATIONS, Cell
from vpr_ros.training.study.claims import CLAIMS, findings, rule, standard_errors
from vpr_ros.training.study.tokens import NIGHT, NOT_SEEN, OTHER_TOWN, SEASON

SEEDS, TOWNS = 6, 5


def cells(change: dict[str, dict[str, float]], spread: float = 0.3) -> list[Cell]:
    """Rows that differ by *change* (row -> column -> points) and by chance; towns and seeds differ by far more."""
    rng = np.random.default_rng(0)
    shared = 50 + rng.normal(0, 10, (SEEDS, 1, 1)) + rng.normal(0, 10, (1, TOWNS, len(NOT_SEEN)))
    made = []
    for row in AGGREGATIONS:
        recall = shared + rng.normal(0, spread, shared.shape)
        for seed in range(SEEDS):
            columns = {c: (recall[seed, :, n] + change.get(row, {}).get(c, 0)).tolist() for n, c in enumerate(NOT_SEEN)}
            made.append(Cell(row, seed, 64, 1, [1.0], columns))
    return made


def test_what_is_paired_shows_through_towns_and_seeds_that_differ_far_more() -> None:
    better = {"SuperVLAD K=4, 1 ghost": {OTHER_TOWN: 0.0, NIGHT: 6.0, SEASON: 6.0}}
    found = {finding.claim.text: finding for finding in findings(cells(better))}
    assert len(found) == len(CLAIMS)
    for text, points in (("SuperVLAD beats NetVLAD, K=4", 4.0), ("... by more where the domain changes", 6.0)):
        assert found[text].verdict == "seen"
        assert found[text].difference.mean == pytest.approx(points, abs=0.3)
        assert found[text].by_column[OTHER_TOWN].mean == pytest.approx(0, abs=0.3)
    assert found["1 cluster costs at most 2 points against 4"].verdict == "contradicted"
    assert found["SuperVLAD beats NetVLAD, K=2"].verdict == "not resolved"


def test_a_loss_contradicts_a_gain_and_a_tie_is_seen_as_one() -> None:
    worse = {"1-cluster VLAD, 2 ghosts": dict.fromkeys(NOT_SEEN, -1.0), "GeM": dict.fromkeys(NOT_SEEN, 2.0)}
    found = {finding.claim.text: finding.verdict for finding in findings(cells(worse))}
    assert found["1-cluster VLAD beats GeM"] == "contradicted"
    assert found["1 cluster costs at most 2 points against 4"] == "seen"


def test_one_town_resolves_nothing_however_many_seeds() -> None:
    better = {"SuperVLAD K=4, 1 ghost": dict.fromkeys(NOT_SEEN, 20.0)}
    one = [
        Cell(c.aggregation, c.seed, 64, 1, [1.0], {name: towns[:1] for name, towns in c.recall_at_1.items()})
        for c in cells(better)
    ]
    assert {finding.verdict for finding in findings(one)} == {"not resolved"}


def test_the_rule_is_students_and_says_so() -> None:
    assert standard_errors(10, 8) == pytest.approx(2.365, abs=1e-3)  # tables of Student's t: 7 degrees of freedom
    assert standard_errors(3, 8) == pytest.approx(4.303, abs=1e-3)
    assert "takes 2.36 standard errors" in rule(10, 8)
    assert "10 seeds and 8 towns" in rule(10, 8)
    assert "nothing is resolved" in rule(10, 1)


@pytest.mark.parametrize("seeds_towns_rest", [(0, 0, 1), (1, 1, 1), (0, 3, 1), (3, 0, 1)])
def test_at_most_one_in_twenty_differences_that_are_none_passes(seeds_towns_rest: tuple[int, int, int]) -> None:
    of_seeds, of_towns, rest = seeds_towns_rest
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(1000):
        difference = (
            of_seeds * rng.normal(size=(10, 1)) + of_towns * rng.normal(size=8) + rest * rng.normal(size=(10, 8))
        )
        mean, error = paired_difference(difference, np.zeros_like(difference))
        passed += abs(mean) > standard_errors(10, 8) * error
    assert passed <= 70  # 50 expected, and three standard deviations
