"""The papers in miniature: cached tokens, trainings that can be compared, a table that says how sure it is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from vpr_ros.cli.compare_papers import compare_papers
from vpr_ros.core.errors import TrainingError
from vpr_ros.evaluation.positives import Positives
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import save_checkpoint
from vpr_ros.training.study.cell import Cell, recalls, run_cell, train
from vpr_ros.training.study.models import STUDIED, StudiedModel, build_studied
from vpr_ros.training.study.plan import StudyTraining
from vpr_ros.training.study.table import markdown, rows_of
from vpr_ros.training.study.token_backbone import open_backbone
from vpr_ros.training.study.token_cache import TaskTokens, TrainTokens

PLACES, VIEWS, TOKENS, DIM = 12, 6, 20, 16
PLAN = StudyTraining(steps=30, places=6, images_per_place=4, lr=3e-3, init_images=40)


def checkpoint(path: Path) -> Path:
    torch.manual_seed(0)
    config = {
        "backbone": {"name": "nano", "dim": DIM, "width": [8, 8, 8, 8]},
        "aggregation": {"name": "mean"},
        "preprocessing": {"height_px": 240, "width_px": 320, "mean": [0, 0, 0], "std": [1, 1, 1]},
    }
    save_checkpoint(build_model(config), path)
    return path


def place_tokens(seed: int, places: int = PLACES) -> TrainTokens:
    """Tokens whose place shows in four channels, below noise that is stronger in the other ones."""
    signal = np.random.default_rng(1).normal(size=(places, TOKENS, 4))
    rng = np.random.default_rng(seed)
    tokens = 3.0 * rng.normal(size=(places, VIEWS, TOKENS, DIM))
    tokens[..., :4] = signal[:, None] + 0.5 * rng.normal(size=(places, VIEWS, TOKENS, 4))
    ids = np.repeat(np.arange(places), VIEWS)
    return TrainTokens(tokens.reshape(-1, TOKENS, DIM).astype(np.float16), ids, ids % 2)


def task() -> TaskTokens:
    data, asked = place_tokens(2), place_tokens(3)
    positives = [np.flatnonzero(data.place_ids == place) for place in asked.place_ids]
    return TaskTokens("places", data.tokens, asked.tokens, Positives.from_lists(positives, "same place"))


def test_training_finds_what_tells_places_apart() -> None:
    data = place_tokens(0)
    model = build_studied(STUDIED[0], DIM, data.tokens, seed=0)
    before = recalls(model, [task()])["places"]
    first = train(build_studied(STUDIED[0], DIM, data.tokens, seed=0), data, StudyTraining(steps=1, places=6), seed=0)
    last = train(model, data, StudyTraining(steps=60, places=6, lr=1e-2), seed=0)
    assert last < first
    assert recalls(model, [task()])["places"] > before + 5


def test_a_cell_is_the_same_every_time_and_another_with_another_seed() -> None:
    data = place_tokens(0)
    cells = [run_cell(STUDIED[2], seed, data, [task()], PLAN) for seed in (0, 0, 1)]
    assert cells[0] == cells[1]
    assert cells[0].loss != cells[2].loss
    assert (cells[0].descriptor_dim, cells[0].aggregation_parameters) == (DIM, 3 * DIM)
    assert cells[0].trainable == 3 * DIM + DIM * DIM + 3 * DIM


@pytest.mark.parametrize("studied", STUDIED, ids=lambda m: m.name)
def test_every_model_of_the_table_trains(studied: StudiedModel) -> None:
    cell = run_cell(studied, 0, place_tokens(0), [task()], StudyTraining(steps=2, places=6))
    assert np.isfinite(cell.loss)
    assert 0 <= cell.recall["places"] <= 100


def test_the_table_holds_mean_and_sample_deviation() -> None:
    cells = [Cell("A", seed, 8, 10, 2, {"x": 1.0}, {"x": recall}, 0.5) for seed, recall in enumerate((50.0, 54.0))]
    row = rows_of([*cells, Cell("B", 0, 8, 10, 2, {"x": 1.0}, {"x": 3.0}, 0.5)])
    assert (row[0].seeds, row[0].mean["x"]) == (2, 52.0)
    assert row[0].deviation["x"] == pytest.approx(np.sqrt(8.0))
    assert row[1].deviation["x"] is None
    assert "| A | 8 | 10 (2) | 52.0 ± 2.8 |" in markdown(row)


def test_only_the_backbone_of_a_checkpoint_is_read(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "model.safetensors")
    backbone = open_backbone(path, 48, 64)
    assert (backbone.preprocessing.height_px, backbone.preprocessing.width_px) == (48, 64)
    assert not any(p.requires_grad for p in backbone.backbone.parameters())
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="is no checkpoint"):
        open_backbone(other, 48, 64)


def test_the_command_writes_the_table_and_goes_on_where_it_was(tmp_path: Path) -> None:
    output = tmp_path / "papers"
    path = checkpoint(tmp_path / "model.safetensors")
    argv = f"--backbone {path} --output {output} --seeds 1 --steps 2 --places 2 --train-towns 60 61 --unseen-towns 70 "
    argv += "--train-frames 6 --test-frames 3"
    compare_papers(argv.split())
    with (output / "comparison.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["model"] for line in lines] == [model.name for model in STUDIED]
    assert {"same town R@1", "other town R@1", "night R@1", "winter R@1", "night R@1 untrained"} <= set(lines[0])
    first = next(output.glob("cells-*/GeM-seed0.json"))
    first.write_text(json.dumps({**json.loads(first.read_text()), "loss": 123.0}))
    compare_papers(argv.split())
    cells = json.loads((output / "comparison.json").read_text())["cells"]
    assert [cell["model"] for cell in cells if cell["loss"] == 123.0] == ["GeM"]


def test_a_town_is_either_known_or_unknown(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no town twice"):
        compare_papers(f"--backbone x --output {tmp_path} --train-towns 1 2 --unseen-towns 2".split())
