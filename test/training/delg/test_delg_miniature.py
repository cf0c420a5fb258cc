# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The study of the paper's claims: what a variant changes, what is compared, and how a verdict comes about."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vpr_ros.cli.compare_delg import compare_delg
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models.delg_head import DelgHead
from vpr_ros.models.nano_stages import NanoStages
from vpr_ros.training.delg.claims import CLAIMS, Way, findings, judge
from vpr_ros.training.delg.kept_images import KeptImages
from vpr_ros.training.delg.miniature import (
    VARIANTS,
    MiniatureTraining,
    PcaHead,
    TrainedVariant,
    Variant,
    train_variant,
)
from vpr_ros.training.delg.miniature_evaluation import SIGNS, by_query
from vpr_ros.training.image_sets import ImageFiles

GAIN, EQUAL = CLAIMS[1], CLAIMS[-1]


def trained(variant: Variant, steps: int = 2) -> TrainedVariant:
    torch.manual_seed(0)
    start: dict[str, Tensor] = NanoStages().state_dict()
    images = np.random.default_rng(0).integers(0, 255, (8, 48, 64, 3), dtype=np.uint8)
    training = MiniatureTraining(steps, 4, 0.01, 32, 48, 8)
    return train_variant(variant, 1, start, images, np.arange(8) // 2, training, lambda *_: None)


def trunk(found: TrainedVariant) -> Tensor:
    return torch.cat([value.flatten() for value in found.model.backbone.state_dict().values()])


def test_heads_touch_the_trunk_only_without_the_stop_gradient() -> None:
    heads = {"autoencoder": (4, 10.0), "linear": (4, 0.0)}
    bare, behind, through = (
        trunk(trained(Variant(heads=h, stop_gradient=s))) for h, s in (({}, True), (heads, True), (heads, False))
    )
    assert torch.equal(bare, behind)
    assert not torch.equal(bare, through)


def test_a_variant_learns_and_says_how_sparse_it_is() -> None:
    found = trained(Variant(heads={"autoencoder": (4, 10.0)}), steps=20)
    assert found.last_loss < found.first_loss
    assert 0 < found.sparsity[0] < 1
    assert found.heads["autoencoder"].threshold > 0
    assert not found.model.training
    softmax, mean = trained(Variant(arcface=False)), trained(Variant(p=1.0))
    assert softmax.first_loss != mean.first_loss


def test_the_pca_keeps_the_keypoints_and_most_of_the_variance() -> None:
    torch.manual_seed(0)
    head = DelgHead(6, dim=2, attention_dim=4).eval()
    basis = torch.linalg.qr(torch.randn(6, 6))[0][:2]
    inner = (torch.randn(1, 40, 2) @ basis).transpose(1, 2).reshape(1, 6, 5, 8)  # all of it lies in a plane
    features = torch.nn.functional.normalize(inner.flatten(2)[0].T, dim=1)
    pca = PcaHead(head, features).eval()
    torch.testing.assert_close((pca.directions @ basis.T).det().abs(), torch.tensor(1.0))
    with torch.no_grad():
        torch.testing.assert_close(pca(inner).scores, head(inner).scores)
        torch.testing.assert_close(pca(inner).descriptors.norm(dim=1), torch.ones(1, 5, 8))


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [(5.0, 0.1, "seen"), (-5.0, 0.1, "contradicted"), (0.3, 5.0, "not resolved")],
)
def test_a_difference_counts_from_two_standard_errors_on(shift: float, spread: float, verdict: str) -> None:
    rng = np.random.default_rng(0)
    worse = rng.uniform(0, 100, (3, 50))
    finding = judge(GAIN, worse + shift + rng.normal(0, spread, worse.shape), worse)
    assert finding.difference == pytest.approx(shift, abs=1.0)
    assert finding.verdict == verdict


def test_the_error_is_of_seeds_and_queries() -> None:
    difference = np.array([[1.0, 3.0], [2.0, 4.0]])
    finding = judge(GAIN, difference, np.zeros((2, 2)))
    assert finding.difference == 2.5
    assert finding.error == pytest.approx(np.sqrt(0.5 / 2 + 2.0 / 2))


@pytest.mark.parametrize(("cost", "verdict"), [(0.2, "seen"), (3.0, "contradicted")])
def test_to_cost_nothing_is_to_stay_within_a_point(cost: float, verdict: str) -> None:
    rng = np.random.default_rng(0)
    better = rng.uniform(0, 100, (3, 50))
    assert judge(EQUAL, better, better - cost + rng.normal(0, 0.1, better.shape)).verdict == verdict


def test_one_seed_resolves_nothing_and_every_claim_is_judged() -> None:
    ways = {way for claim in CLAIMS for way in (claim.better, claim.worse)}
    assert {way.variant for way in ways} == set(VARIANTS)
    assert Way("published", SIGNS) in ways
    found = findings([{way: np.arange(5.0) for way in ways}])
    assert {finding.verdict for finding in found} == {"not resolved"}


def test_queries_without_an_answer_are_left_out() -> None:
    assert by_query({"day": [1.0, float("nan")], "night": [3.0]}).tolist() == [1.0, 3.0]


def test_images_are_made_once(tmp_path: Path) -> None:
    class Counted(ImageFiles):
        loads = 0

        def load(self, index: int) -> np.ndarray:
            Counted.loads += 1
            return np.full((4, 6, 3), index, np.uint8)

    images, kept = Counted(tmp_path, ["a", "b"]), KeptImages(tmp_path / "kept")
    first = kept.of("drive", images, lambda *_: None)
    np.testing.assert_array_equal(kept.of("drive", images, lambda *_: None), first)
    assert Counted.loads == 2
    with pytest.raises(TrainingError, match="expected 1 images"):
        kept.of("drive", ImageFiles(tmp_path, ["a"]), lambda *_: None)
    (tmp_path / "kept" / "drive.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(TrainingError, match="cannot be read"):
        kept.of("drive", images, lambda *_: None)


def test_the_command_writes_its_tables_and_takes_finished_cells_from_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--output", str(tmp_path), "--seeds", "1", "--towns", "1", "--steps", "1", "--size", "16", "24"]
    arguments += ["--distance-m", "60", "--checked", "1"]
    with pytest.raises(ConfigError, match="count from 1"):
        compare_delg([*arguments, "--seeds", "0"])
    compare_delg(arguments)
    table = capsys.readouterr().out
    assert all(claim.text in table for claim in CLAIMS)
    report = json.loads((tmp_path / "comparison.json").read_text())
    assert len(report["findings"]) == len(CLAIMS)
    assert "| published | wide, signs |" in (tmp_path / "comparison.md").read_text()
    cells = sorted(tmp_path.glob("*/cells/*.json"))
    assert len(cells) == len(VARIANTS)
    stamps = [cell.stat().st_mtime_ns for cell in cells]
    compare_delg(arguments)
    assert [cell.stat().st_mtime_ns for cell in cells] == stamps
