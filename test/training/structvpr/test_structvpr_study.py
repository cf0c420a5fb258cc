# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The ablation in miniature: as a command on the smallest towns, and its claims on figures made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpr_ros.cli.compare_structvpr import main
from vpr_ros.training.structvpr.claims import CLAIMS, findings, flatness
from vpr_ros.training.structvpr.miniature import NONE, MiniatureBranch, variants
from vpr_ros.training.structvpr.study import STUDENT, StudyResult
from vpr_ros.training.structvpr.study_table import shares
from vpr_ros.training.study.tokens import NOT_SEEN

NAMES = tuple(variants(3))
RECALL = {NONE: 60.0, "all": 63.0, "D1": 64.0, "D2": 63.0, "D3": 61.0, "D4": 56.0, "S1": 66.0, "S1 weighted": 66.0}


def seeds(noise: float, count: int = 5, towns: int = 6) -> list[dict[str, Any]]:
    """Every variant as in ``RECALL``, in every column, with noise of its own."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        cells: dict[str, Any] = {
            name: {"recall": {c: (RECALL[name] + noise * rng.normal(size=towns)).tolist() for c in NOT_SEEN}}
            for name in NAMES
        }
        cells[NONE]["validation"] = {"80": 50.0, "90": 50.5, "100": 50.4}
        made.append(cells)
    return made


def test_clear_differences_are_seen_and_equal_ones_are_not_resolved() -> None:
    found = {finding.claim.text: finding for finding in findings(seeds(noise=0.5))}
    assert len(found) == len(CLAIMS)
    assert found["S2 (D4) alone hurts"].verdict == "seen"
    assert found["S2 (D4) alone hurts"].difference.mean == pytest.approx(4.0, abs=0.5)
    assert found["S1 helps"].verdict == "seen"
    assert found["weights make S1 better"].verdict == "not resolved"
    backwards = [{**cells, NONE: cells["D4"], "D4": cells[NONE]} for cells in seeds(0.5)]
    assert {f.claim.text: f.verdict for f in findings(backwards)}["S2 (D4) alone hurts"] == "contradicted"


def test_the_end_of_training_is_flat_or_not() -> None:
    flat = flatness(seeds(0.1))
    assert flat.is_flat
    assert str(flat).endswith("steps 80 to 100): 50.0 50.5 50.4; gain +0.4 ± 0.0: flat")
    rising = seeds(0.1)
    for number, cells in enumerate(rising):
        cells[NONE]["validation"] = {"80": 50.0, "90": 52.0, "100": 54.0 + 0.1 * number}
    assert not flatness(rising).is_flat
    assert "NOT FLAT: train longer" in str(flatness(rising))


def test_an_empty_group_is_said() -> None:
    share = {"D1": 0.0, "D2": 0.5, "D3": 0.1, "D4": 0.4, "S1": 0.6, "S2": 0.4, "R1": 0.8, "R2": 0.2, "all": 1.0}
    result = StudyResult({"training": {"threshold": 3}}, [{STUDENT: {"shares": share}}])
    assert "EMPTY in some seed: D1" in shares(result)


def test_a_branch_is_a_function_of_its_seed() -> None:
    images = torch.rand(2, 3, 32, 48)
    answers = [MiniatureBranch(3, seed).eval()(images) for seed in (1, 1, 2)]
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
    assert answers[0].shape == (2, 144)


def test_the_command_writes_the_table_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, size = tmp_path / "study", ["--size", "32", "48", "--spacing-m", "10", "--distance-m", "80"]
    arguments = ["--output", str(output), *size, "--towns", "1", "--test-towns", "1", "--seeds", "1", "--steps", "2"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "training pairs: D1" in said
    assert "validation recall@1 over the last fifth" in said
    assert "with 1 of seeds and 1 of towns nothing is resolved" in said
    report = json.loads((output / "comparison.json").read_text())
    assert {*NAMES, "teacher", "student"} == set(report["seeds"][0])
    assert {finding["verdict"] for finding in report["findings"]} == {"not resolved"}
    assert (output / "comparison.md").read_text().count("\n| S1 ") == 6
    (cell,) = output.glob("cells_*/S1_weighted_0.json")
    done, weights = cell.read_text(), next(output.glob("cells_*/student_0.safetensors")).read_bytes()
    cell.unlink()
    next(output.glob("cells_*/student_0.json")).unlink()
    assert main(arguments) == 0
    assert cell.read_text() == done
    assert next(output.glob("cells_*/student_0.safetensors")).read_bytes() == weights
    cell.write_text('{"recal": {}}')
    assert main(arguments) == 2
    assert "S1_weighted_0.json holds ['recal'], expected ['recall']" in capsys.readouterr().err.replace("\n", " ")
