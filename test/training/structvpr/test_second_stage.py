# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Both stages on tiny rooms: the branches learn, pairs are ranked once, lessons weigh, a stopped run goes on."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import taught_rooms as rooms
import tiny
import torch

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import load_checkpoint, save_checkpoint
from vpr_ros.training.embedding import describe_images
from vpr_ros.training.optimiser import OptimiserConfig
from vpr_ros.training.structvpr.group_record import read_groups
from vpr_ros.training.structvpr.sample_weights import WeightRule

QUIET = ["ignore:.*dataloader.*:UserWarning", "ignore:.*treespec.*:FutureWarning", "ignore:.*LeafSpec.*:FutureWarning"]
pytestmark = [pytest.mark.filterwarnings(w) for w in QUIET]
EVERY_EPOCH: dict[str, Any] = {"reload_dataloaders_every_n_epochs": 1}


@pytest.fixture(scope="module")
def seg_teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stage 1 of the SEG branch, on label maps alone."""
    folder = tmp_path_factory.mktemp("seg")
    module = rooms.branch(rooms.SEG)
    trainer = tiny.trainer(folder, 2, **EVERY_EPOCH)
    trainer.fit(module, rooms.label_tuples())
    assert trainer.callback_metrics["val/rooms/R@1"] > 100 / tiny.PLACES  # better than by chance
    return rooms.saved(module, folder / "seg.safetensors")


def fit(
    folder: Path,
    module: Any,
    data: Any,
    epochs: int = 2,
    resume: Path | None = None,
    stop_at: int | None = None,
    **options: Any,
) -> Any:
    callbacks = [tiny.resume_point(folder), *([rooms.StopAt(stop_at)] if stop_at else [])]
    trainer = tiny.trainer(folder, epochs, callbacks, **{**EVERY_EPOCH, **options})
    trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    return module


def test_pairs_are_ranked_and_groups_followed(tmp_path: Path, seg_teacher: Path) -> None:
    data = rooms.taught_tuples(seg_teacher)
    start = rooms.student()
    model, images = start.model, data.images
    described = [
        describe_images(model, side, model.config.preprocessing, rooms.LOADER)
        for side in (images.queries, images.database)
    ]
    module = fit(tmp_path, start, data)

    similarity = described[0] @ described[1].T
    own = np.arange(32)[None] // tiny.VIEWS == (np.arange(16) // 2)[:, None]
    best = np.where(own, similarity, -1).max(axis=1, keepdims=True)
    expected = 1 + ((similarity >= best) & ~own).sum(axis=1)
    assert data.graded.lessons.student_rank.tolist() == expected.tolist()

    with (tmp_path / "pairs.csv").open(newline="") as stream:
        pairs = list(csv.DictReader(stream))
    assert [int(row["student_rank"]) for row in pairs] == expected.tolist()
    assert {row["group"] for row in pairs} <= {"D1", "D2", "D3", "D4"}
    rows = read_groups(tmp_path / "groups.csv")
    assert [row["epoch"] for row in rows[::4]] == ["-1", "0", "1"]
    assert sum(float(row["share"]) for row in rows[:4]) == pytest.approx(1, abs=1e-3)
    assert sum(float(row["drawn"]) for row in rows[4:8]) == pytest.approx(1, abs=1e-3)
    assert (tmp_path / "groups.png").stat().st_size > 1000
    assert module.bridge.linear.weight.shape == (160, 16)
    assert not any("teacher" in key for key in module.state_dict())


def test_a_run_stopped_in_the_second_stage_goes_on_to_the_same_weights(tmp_path: Path, seg_teacher: Path) -> None:
    whole = fit(tmp_path / "whole", rooms.student(), rooms.taught_tuples(seg_teacher))
    folder = tmp_path / "stopped"
    with pytest.raises(rooms.Stopped):
        fit(folder, rooms.student(), rooms.taught_tuples(seg_teacher), stop_at=5)
    data = rooms.taught_tuples(seg_teacher)
    torch.manual_seed(99)
    resumed = fit(folder, rooms.student(), data, resume=folder / "resume.ckpt")
    assert resumed.global_step == whole.global_step
    for key, value in tiny.weights(whole).items():
        assert torch.equal(value, tiny.weights(resumed)[key]), key
    assert read_groups(folder / "groups.csv") == read_groups(tmp_path / "whole" / "groups.csv")

    other = rooms.saved(rooms.branch({**rooms.SEG, "name": "other"}), tmp_path / "other.safetensors")
    with pytest.raises(TrainingError, match=r"ranks 16 pairs by the teacher .* the recipe has 16 and"):
        fit(folder, rooms.student(), rooms.taught_tuples(other), resume=folder / "resume.ckpt", epochs=3)


def test_distillation_pulls_the_student_to_its_teacher(tmp_path: Path, seg_teacher: Path) -> None:
    """With the weight of the loss at 100, and at 0."""
    found = {}
    for weight in (0.0, 100.0):
        data = rooms.taught_tuples(seg_teacher, weights=WeightRule("all", by_rank=False))
        module = rooms.student(distillation=weight, optimiser=OptimiserConfig(lr=1e-2))
        fit(tmp_path / str(weight), module, data, epochs=2, limit_val_batches=0)
        found[weight] = float(module.trainer.callback_metrics["train/loss_distillation"])
    assert found[100.0] < 0.8 * found[0.0]


def test_an_empty_group_trains_on_without_a_teacher_and_says_so(
    tmp_path: Path, seg_teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = rooms.taught_tuples(seg_teacher, weights=WeightRule("D4", by_rank=True))
    module = fit(tmp_path, rooms.student(), data, epochs=1)
    assert "warning: none of 16 training pairs counts in group D4" in capsys.readouterr().err
    assert float(module.trainer.callback_metrics["train/loss_distillation"]) == 0
    assert {row["weight"] for row in read_groups(tmp_path / "groups.csv")} <= {"0.0000", ""}


def test_metric_learning_is_taught_image_by_image(tmp_path: Path, seg_teacher: Path) -> None:
    data = rooms.taught_places(seg_teacher, labels=rooms.FromRooms())
    module = fit(tmp_path, rooms.metric_student(), data, epochs=1)
    assert "train/loss_distillation" in module.trainer.callback_metrics
    ranks = data.graded.lessons.student_rank
    assert len(ranks) == 32
    assert 1 <= ranks.min() <= ranks.max() <= 1 + 12  # rooms of the other group do not count
    module = rooms.branch(rooms.SEG)
    with pytest.raises(ConfigError, match="TripletRanking with LabelPlaces"):
        tiny.trainer(tmp_path, 1, **EVERY_EPOCH).fit(module, rooms.label_places())


def test_a_large_teacher_of_another_size_answers_once(tmp_path: Path) -> None:
    """A random transformer: its numbers go through a linear layer that the checkpoint of the model does not have."""
    torch.manual_seed(5)
    vit = {"name": "dinov2_s", "timm_options": {"embed_dim": 32, "depth": 1, "num_heads": 2}}
    sizes = {"height_px": 28, "width_px": 28}
    teacher = tmp_path / "teacher.safetensors"
    save_checkpoint(
        build_model({"backbone": vit, "aggregation": {"name": "supervlad"}, "preprocessing": sizes}), teacher
    )
    data = rooms.taught_tuples(teacher, seg=False)
    module = fit(tmp_path, rooms.student(), data, epochs=1)
    assert module.bridge.linear.weight.shape == (128, 16)
    held = {id(p) for group in module.trainer.optimizers[0].param_groups for p in group["params"]}
    assert id(module.bridge.linear.weight) in held
    kept = sorted((tmp_path / "teacher").glob("*/*.npy"))
    assert [np.load(file).shape for file in kept] == [(32, 128), (16, 128)]
    times = [file.stat().st_mtime_ns for file in kept]
    fit(tmp_path, rooms.student(), rooms.taught_tuples(teacher, seg=False), epochs=1)
    assert [file.stat().st_mtime_ns for file in kept] == times
    rooms.saved(module, tmp_path / "student.safetensors")
    assert not any("bridge" in key for key in load_checkpoint(tmp_path / "student.safetensors")[0].state_dict())
    kept[0].write_bytes(b"broken")
    with pytest.raises(TrainingError, match=r"cannot be read.*the teacher is asked again"):
        fit(tmp_path, rooms.student(), rooms.taught_tuples(teacher, seg=False), epochs=1)


def test_what_does_not_fit_is_refused(tmp_path: Path, seg_teacher: Path) -> None:
    with pytest.raises(ConfigError, match="there is no teacher"):
        fit(tmp_path, rooms.student(), rooms.taught_tuples(tmp_path / "none.safetensors"))
    with pytest.raises(ConfigError, match=r"looks at label maps.*Name `labels`"):
        fit(tmp_path, rooms.student(), rooms.taught_tuples(seg_teacher, seg=False))
    rgb = rooms.saved(rooms.branch(rooms.STUDENT), tmp_path / "rgb.safetensors")
    with pytest.raises(ConfigError, match=r"3 channels for label maps of 4 groups \(level 0, .*in_channels: 4"):
        fit(tmp_path, rooms.student(), rooms.taught_tuples(rgb))
    with pytest.raises(ConfigError, match=r"label maps of 32x32, the student trains on images of 64x64"):
        fit(tmp_path, rooms.student(), rooms.taught_tuples(seg_teacher, train_size_px=(64, 64)))
    with pytest.raises(ConfigError, match=r"DistilledTripletRanking with data of TupleDataModule"):
        fit(tmp_path, rooms.student(), tiny.tuple_data())
    with pytest.raises(ConfigError, match="distillation: -1"):
        rooms.student(distillation=-1, optimiser=OptimiserConfig())
