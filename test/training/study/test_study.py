# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The comparison of aggregations on frozen tokens, as a command on tiny data."""

from __future__ import annotations

import csv
import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from vpr_ros.cli.compare_papers import main
from vpr_ros.core.errors import TrainingError
from vpr_ros.evaluation.positives import Positives
from vpr_ros.export.exported_model import model_of_file
from vpr_ros.inference import shipped_model_path
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import Recipe, load_checkpoint, save_checkpoint
from vpr_ros.training.frozen_tokens import FrozenTokens
from vpr_ros.training.image_sets import ImageFiles
from vpr_ros.training.progress import no_update
from vpr_ros.training.study.adapter import TransformerAdapter
from vpr_ros.training.study.cell import AGGREGATIONS, Cell, Head, StudyTraining, TaskTokens, TrainingTokens, train_cell
from vpr_ros.training.study.claims import CLAIMS
from vpr_ros.training.study.run import file_stem
from vpr_ros.training.study.tokens import NOT_SEEN, TRAINED_ON

GRID, DIM, PLACES = (3, 4), 8, 30
QUICK = StudyTraining(steps=60, learning_rate=1e-2, places=10, images_per_place=3, words_from=40)


def views(places: int, seed: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    """Each place is a set of words; a view shows them with noise of one direction, which training can unlearn."""
    words = np.random.default_rng(places).normal(size=(places, GRID[0] * GRID[1], DIM))
    words[..., 0] = 0.0
    rng = np.random.default_rng(seed)
    shown = np.repeat(words, count, axis=0) + 0.2 * rng.normal(size=(places * count, *words.shape[1:]))
    shown[..., 0] += 4.0 * rng.normal(size=(places * count, 1))
    return (shown / np.linalg.norm(shown, axis=2, keepdims=True)).astype(np.float16)


def data() -> TrainingTokens:
    place_ids = np.repeat(np.arange(PLACES), 6)
    return TrainingTokens(views(PLACES, 1, 6), place_ids, np.zeros_like(place_ids))


def trained(aggregation: str, seed: int, tasks: list[TaskTokens]) -> Cell:
    return train_cell(Head(aggregation, seed, DIM, GRID), data(), tasks, QUICK, no_update)


@pytest.mark.parametrize("aggregation", list(AGGREGATIONS))
def test_every_row_learns(aggregation: str) -> None:
    own = Positives.from_lists([[place] for place in range(PLACES)], "own place")
    towns = [TaskTokens("same", views(PLACES, 2, 1), views(PLACES, seed, 1), own) for seed in (3, 4)]
    cell = trained(aggregation, 0, towns)
    assert cell.losses[-1] < cell.losses[0]
    assert len(cell.losses) == 10
    assert len(cell.recall_at_1["same"]) == 2
    assert min(cell.recall_at_1["same"]) > 2 * 100 / PLACES
    clusters = int(AGGREGATIONS[aggregation].get("clusters", 1))
    assert cell.descriptor_dim == clusters * DIM


def test_a_cell_is_a_function_of_its_seed() -> None:
    cells = [trained("SuperVLAD K=4, 1 ghost", seed, []) for seed in (1, 1, 2)]
    assert cells[0].losses == cells[1].losses != cells[2].losses


def test_rows_of_one_seed_begin_alike_and_every_token_leaves_the_adapter_with_the_same_length() -> None:
    heads = [Head(name, 5, DIM, GRID) for name in ("GeM", "NetVLAD K=64")]
    first, second = (head.adapter.state_dict() for head in heads)
    assert all(torch.equal(first[name], second[name]) for name in first)
    adapter = TransformerAdapter(DIM)
    tokens = torch.randn(2, 12, DIM, generator=torch.Generator().manual_seed(0)) * torch.rand(2, 12, 1)
    torch.testing.assert_close(adapter(tokens), torch.nn.functional.layer_norm(tokens, (DIM,)))  # at the start
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(adapter(tokens).norm(dim=2), torch.full((2, 12), DIM**0.5), rtol=1e-3, atol=1e-3)


def test_no_test_but_by_day_is_in_conditions_that_were_trained_on() -> None:
    assert set(TRAINED_ON) == {"day"}
    assert [conditions for conditions in NOT_SEEN.values() if conditions not in TRAINED_ON] == ["night", "winter"]


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = {
        "backbone": {"name": "nano", "dim": DIM},
        "aggregation": {"name": "mean"},
        "preprocessing": {"height_px": 48, "width_px": 64},
    }
    path = tmp_path / "backbone.safetensors"
    save_checkpoint(build_model(config).eval(), path, Recipe("test.yaml", "0"))
    return path


def real_set(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for side in ("map", "query"):
        (root / side).mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(root / side / f"{number}.png"), rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    rows = [["query", "positives"], *([f"query/{n}.png", f"map/{n}.png"] for n in range(3))]
    with (root / "gt.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return root


def test_the_command_writes_the_table_and_goes_on_where_it_was_killed(
    tmp_path: Path, backbone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "study"
    arguments = ["--backbone", str(backbone), "--output", str(output), "--real", str(real_set(tmp_path / "room"))]
    size = ["--towns", "1", "--test-towns", "2", "--size", "48", "64", "--spacing-m", "10", "--distance-m", "100"]
    small = [*size, "--seeds", "2", "--steps", "2"]
    assert main([*arguments, *small]) == 0
    shown = capsys.readouterr().out
    assert "mean ± deviation" in shown
    assert "takes 12.71 standard errors" in shown  # two seeds, two towns
    with (output / "comparison.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["aggregation"] for row in rows] == list(AGGREGATIONS)
    assert {"same town mean", "night sd", "season mean", "room mean"} <= set(rows[0])
    assert (output / "comparison.md").read_text().count("\n") == 2 + len(CLAIMS) + 3 + len(AGGREGATIONS) + 2

    report = json.loads((output / "comparison.json").read_text())
    assert [finding["text"] for finding in report["findings"]] == [claim.text for claim in CLAIMS]
    assert len(report["cells"]) == 2 * len(AGGREGATIONS)
    for row in rows:
        cells = [cell["recall_at_1"] for cell in report["cells"] if cell["aggregation"] == row["aggregation"]]
        seeds = [cell["room"][0] for cell in cells]
        assert float(row["room mean"]) == pytest.approx(np.mean(seeds), abs=0.05)
        assert float(row["room sd"]) == pytest.approx(np.std(seeds, ddof=1), abs=0.05)
        assert {round(3 * recall / 100, 6) for recall in seeds} <= {0, 1, 2, 3}  # of three queries
        assert {column: len(towns) for column, towns in cells[0].items()} == {
            **dict.fromkeys(NOT_SEEN, 2),
            "same town": 1,
            "room": 1,
        }
    (maps,) = output.glob("tokens_*")
    asked = [np.load(maps / f"queries_1000_{conditions}.npy") for conditions in NOT_SEEN.values()]
    assert all(np.any(one != other) for one, other in pairwise(asked))
    assert report["settings"]["tasks"][-1]["queries"] == 3
    (cell,) = output.glob(f"*/{file_stem('GeM')}_1.json")
    done = json.loads(cell.read_text())
    cell.unlink()
    assert main([*arguments, *small]) == 0
    assert json.loads(cell.read_text()) == done


def test_the_backbone_comes_from_a_checkpoint_or_from_the_model_that_ships(backbone: Path) -> None:
    assert model_of_file(backbone).backbone.dim == DIM
    shipped = model_of_file(shipped_model_path())
    assert (shipped.config.name, shipped.config.backbone.name) == ("vpr_nano", "nano")


def test_tokens_of_other_images_are_not_taken(tmp_path: Path, backbone: Path) -> None:
    model, _ = load_checkpoint(backbone)
    room = real_set(tmp_path / "room")
    frozen = FrozenTokens(model, model.config.preprocessing, tmp_path / "tokens")
    both = ImageFiles(room, ["map/0.png", "map/1.png"])
    tokens = frozen.of("room", both, no_update)
    assert tokens.shape == (2, 6 * 8, DIM)
    np.testing.assert_array_equal(frozen.of("room", both, no_update), tokens)
    with pytest.raises(TrainingError, match=r"holds \(2, 48, 8\), expected \(1, 48, 8\)"):
        frozen.of("room", ImageFiles(room, ["map/0.png"]), no_update)


def test_tokens_can_be_pooled(tmp_path: Path, backbone: Path) -> None:
    model, _ = load_checkpoint(backbone)
    images = ImageFiles(real_set(tmp_path / "room"), ["map/0.png"])
    fine, pooled = (FrozenTokens(model, model.config.preprocessing, tmp_path / str(step), step) for step in (1, 2))
    tokens = pooled.of("room", images, no_update).astype(np.float32)
    assert pooled.grid == (3, 4)
    assert tokens.shape == (1, 12, DIM)
    np.testing.assert_allclose(np.linalg.norm(tokens, axis=2), 1.0, atol=1e-3)
    assert fine.of("room", images, no_update).shape == (1, 48, DIM)
