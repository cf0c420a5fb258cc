# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The shipped model's own command on tiny data: photographs, towns, a teacher, the descriptor."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper

from vpr_ros.cli.train_nano import main
from vpr_ros.core.errors import TrainingError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import load_checkpoint
from vpr_ros.training.appearance import AppearanceRange
from vpr_ros.training.dense_teacher import DenseTeacher
from vpr_ros.training.distillation import DistillationConfig, Lessons, distil
from vpr_ros.training.nano_descriptor import DescriptorFit, fit_descriptor
from vpr_ros.training.town_views import TownViews, render_labelled_views

HEIGHT, WIDTH, DIM = 64, 96, 8
MODEL = {
    "name": "tiny_nano",
    "backbone": {"name": "nano", "dim": DIM},
    "aggregation": {"name": "layout_vlad", "clusters": 4, "layout_grid": [2, 3], "layout_dim": 4},
    "whitening_dim": 12,
    "patch_normalised": {"share": 0.2, "rows": 8, "columns": 12},
    "preprocessing": {"height_px": HEIGHT, "width_px": WIDTH, "mean": [0, 0, 0], "std": [1, 1, 1]},
}
RECIPE = {
    "model": MODEL,
    "teacher": {"features": "features", "reliability": "reliability"},
    "towns": {"towns": [3], "conditions": ["day", "night"], "spacing_m": 30.0, "distance_m": 100.0},
    "distillation": {"steps": 4, "batch_size": 3, "crop": [4, 6]},
    "appearance": {"night": 0.2},
    "descriptor": {"word_images": 12},
}


def quietly(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody reads."""


def photographs(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (count, 8, 12, 3), dtype=np.uint8)
    return np.stack([cv2.resize(image, (WIDTH, HEIGHT)) for image in coarse]).astype(np.uint8)


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    folder = tmp_path / "photos" / "us__drives" / "monday"
    folder.mkdir(parents=True)
    for number, image in enumerate(photographs(20)):
        cv2.imwrite(str(folder / f"{number:03d}.png"), image)
    index = tmp_path / "photos" / "INDEX.csv"
    with index.open("w", newline="") as stream:
        csv.writer(stream).writerows([["owner", "repo", "sequence"], ["us", "drives", "monday"]])
    return index


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    weights = {"f": rng.normal(size=(DIM, 3, 8, 8)), "r": rng.normal(size=(1, 3, 8, 8)) * 0.01}
    nodes = [
        helper.make_node("Conv", ["image", "f"], ["features"], strides=[8, 8]),
        helper.make_node("Conv", ["image", "r"], ["logit"], strides=[8, 8]),
        helper.make_node("Sigmoid", ["logit"], ["reliability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "teacher",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, DIM, HEIGHT // 8, WIDTH // 8]),
            helper.make_tensor_value_info("reliability", TensorProto.FLOAT, [1, 1, HEIGHT // 8, WIDTH // 8]),
        ],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    path = tmp_path / "teacher.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def command(tmp_path: Path, sequences: Path, teacher: Path, recipe: object) -> list[str]:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe))
    run = tmp_path / "run"
    named = {"--recipe": file, "--sequences": sequences, "--teacher": teacher, "--output": run}
    return [str(part) for pair in named.items() for part in pair]


def test_the_command_makes_a_model_and_takes_up_what_an_earlier_run_left(
    tmp_path: Path, sequences: Path, teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(tmp_path, sequences, teacher, RECIPE)) == 0
    made = tmp_path / "run" / "tiny_nano.safetensors"
    first, recipe = load_checkpoint(made)
    assert recipe.name == "recipe.yaml"
    assert len((tmp_path / "run" / "losses.csv").read_text().splitlines()) == 5
    views = torch.from_numpy(photographs(4)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        described = first.eval()(views)
    assert described.shape == (4, 12 + 8 * 12)
    assert first.patch_normalised is not None
    assert first.patch_normalised.centre.abs().max() > 0

    teacher.unlink()  # its answers are kept, the backbone too: only the descriptor is fitted again
    capsys.readouterr()
    changed = {**RECIPE, "descriptor": {"word_images": 12, "whitening_strength": 0.0}}
    assert main(command(tmp_path, sequences, teacher, changed)) == 0
    assert "taking the backbone from" in capsys.readouterr().out
    second, _ = load_checkpoint(made)
    for name, weight in first.backbone.state_dict().items():
        torch.testing.assert_close(second.backbone.state_dict()[name], weight)
    with torch.no_grad():
        assert not torch.allclose(second.eval()(views), described)

    longer = {**RECIPE, "distillation": {"steps": 5, "batch_size": 3, "crop": [4, 6]}}
    assert main(command(tmp_path, sequences, teacher, longer)) == 2
    assert "made by another recipe" in capsys.readouterr().err


def test_views_are_the_same_places_in_another_light() -> None:
    towns = TownViews((5,), ("day", "night"), 40.0, 100.0)
    views, labels = render_labelled_views(towns, (60, 80), lambda _done, _total: None)
    assert (labels[0] == labels[1]).mean() > 0.95  # fewer cars are about at night
    assert labels.shape == views.shape[:-1]
    assert len(np.unique(labels)) > 2
    assert views.shape[0] == 2
    assert views.shape[2:] == (60, 80, 3)
    day, night = views.astype(np.float64).mean(axis=(2, 3, 4))
    assert (night < day).all()
    edges = [np.abs(np.diff(view.mean(axis=-1), axis=-1)).reshape(len(view), -1) for view in views.astype(np.float64)]
    alike = np.corrcoef(*edges)[: len(day), len(day) :]
    assert (alike.argmax(axis=1) == np.arange(len(day))).all()


def test_no_towns_are_refused() -> None:
    with pytest.raises(TrainingError, match="0 towns under 5 conditions"):
        TownViews(())


def test_every_image_is_held_to_its_own_answer() -> None:
    features = np.zeros((2, DIM, HEIGHT // 8, WIDTH // 8), np.float16)
    features[0, 0] = features[1, 1] = 1.0
    reliability = np.full((2, HEIGHT // 8, WIDTH // 8), 0.9, np.float16)
    reliability[1] = 0.1
    taught = Lessons(photographs(2), features, reliability)
    quiet = AppearanceRange(0, 0, 0, 0, 0, 0, 1.0, 0.0)
    config = DistillationConfig(steps=60, batch_size=8, crop=(8, 12), learning_rate=3e-3)
    losses: list[float] = []
    student = distil(taught, config, quiet, lambda _step, loss, _student: losses.append(loss))
    assert losses[-1] < 0.25 < losses[0]
    with torch.no_grad():
        said = student(torch.from_numpy(taught.images).permute(0, 3, 1, 2).float() / 255)
    assert said.mean(dim=1)[:, :2].argmax(dim=1).tolist() == [0, 1]
    reliable, unreliable = said.norm(dim=2).mean(dim=1).tolist()  # the length of a token
    assert reliable > 0.7 and unreliable < 0.3


def test_the_teacher_sees_an_image_in_its_own_shape(teacher: Path) -> None:
    asked = DenseTeacher(teacher, "features", "reliability")
    tall = np.repeat(photographs(1)[0][:, :32], 2, axis=0)  # 128 x 32, the teacher reads 64 x 96
    features, reliability = asked(tall, (16, 4))
    assert features.shape == (DIM, 16, 4) and reliability.shape == (16, 4)
    np.testing.assert_allclose(np.linalg.norm(features.astype(np.float32), axis=0), 1.0, atol=2e-3)
    small = cv2.resize(tall, (16, 64)).astype(np.uint8)  # what is left of it once it is 64 high, mirrored to the width
    mirrored = cv2.copyMakeBorder(small, 0, 0, 0, 80, cv2.BORDER_REFLECT).astype(np.uint8)
    whole, _ = asked(mirrored, (8, 12))
    again, _ = asked(tall, (8, 2))
    np.testing.assert_allclose(again.astype(np.float32), whole[:, :, :2].astype(np.float32), atol=5e-3)


def test_the_descriptor_needs_a_whitening() -> None:
    model = build_model({key: value for key, value in MODEL.items() if key != "whitening_dim"})
    with pytest.raises(TrainingError, match="whitening_dim"):
        fit_descriptor(model, photographs(4), photographs(2), DescriptorFit(), AppearanceRange(), quietly)


def test_whitening_scales_down_what_light_and_viewpoint_change() -> None:
    torch.manual_seed(0)
    model, images = build_model(MODEL), photographs(40)
    fit = DescriptorFit(word_images=20, whitening_strength=1.0)
    fit_descriptor(model, images, images[:5], fit, AppearanceRange(), quietly)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        raw = model.aggregation(model.tokens(batch))
        assert model.whitening is not None
        white = model.whitening.linear(raw)
    spread = white.std(dim=0)
    assert spread.max() / spread.min() < 0.3 * raw.std(dim=0).max() / raw.std(dim=0).min()
