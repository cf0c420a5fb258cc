# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The figures of the revisited sets against the authors' own evaluation, and their ground truth in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.evaluation.landmarks.average_precision import average_precision, score_setup
from vpr_ros.evaluation.landmarks.revisited import SETUPS, Labels, Setup, read_truth

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "revisitop_map.npz"


@pytest.mark.parametrize("setup", SETUPS)
def test_scores_are_those_of_the_authors_code(setup: Setup) -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    labels = [Labels(*(golden[f"gnd{q}_{kind}"] for kind in ("easy", "hard", "junk"))) for q in range(6)]
    score = score_setup(list(golden["ranks"].T), labels, setup)
    np.testing.assert_allclose(score.ap, golden[f"aps_{setup}"], atol=1e-12)
    assert score.mean_ap == pytest.approx(float(golden[f"map_{setup}"]), abs=1e-12)
    np.testing.assert_allclose(list(score.mean_precision.values()), golden[f"mpk_{setup}"], atol=1e-12)


def test_average_precision_of_hand() -> None:
    assert average_precision(np.array([0, 1]), 2) == 1.0
    assert average_precision(np.array([1]), 1) == pytest.approx((0.0 + 0.5) / 2)
    assert np.isnan(average_precision(np.array([], dtype=np.int64), 0))


def test_no_query_with_an_answer_is_no_number() -> None:
    nothing = np.array([], dtype=np.int64)
    score = score_setup([np.arange(3)], [Labels(nothing, np.array([1]), nothing)], "easy")
    assert np.isnan(score.mean_ap)


def truth() -> dict[str, Any]:
    entry = {"bbx": [1.0, 2, 30.5, 40], "easy": [1], "hard": [], "junk": [0, 2]}
    return {"imlist": ["a_1", "a_2", "b"], "qimlist": ["q"], "gnd": [entry]}


def test_truth_is_read_from_json(tmp_path: Path) -> None:
    (tmp_path / "gnd.json").write_text(json.dumps(truth()))
    read = read_truth(tmp_path / "gnd.json")
    assert (read.database, read.queries) == (("a_1", "a_2", "b"), ("q",))
    assert read.boxes_xyxy.tolist() == [[1.0, 2.0, 30.5, 40.0]]
    assert read.labels[0].positives_of("medium").tolist() == [1]
    assert read.labels[0].junk_of("hard").tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gnd": []}, "another number of queries than the 1"),
        ({"gnd": [{**truth()["gnd"][0], "easy": [3]}]}, "numbers from 0 to 2"),
        ({"gnd": [{**truth()["gnd"][0], "junk": [True]}]}, "numbers from 0 to 2"),
        ({"gnd": [{**truth()["gnd"][0], "bbx": [5, 0, 1, 2]}]}, "is no box"),
        ({"gnd": [{**truth()["gnd"][0], "bbx": [5, 0, 1]}]}, "four numbers"),
        ({"gnd": ["easy"]}, "numbers from 0 to 2"),
        ({"imlist": ["../secret"]}, "leads out of the folder"),
        ({"imlist": None}, "no list of names"),
    ],
)
def test_what_is_no_truth_is_refused(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    (tmp_path / "gnd.json").write_text(json.dumps({**truth(), **change}))
    with pytest.raises(ConfigError, match=told):
        read_truth(tmp_path / "gnd.json")


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "gnd.pkl").write_bytes(b"cos\nsystem\n")
    with pytest.raises(ConfigError, match=r"is a pickle.*docs/datasets\.md"):
        read_truth(tmp_path / "gnd.pkl")
