# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A trained model learns keypoints from a teacher: what is learned, what stays, what is refused."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import TensorProto, helper, numpy_helper

from vpr_ros.cli.train_local_head import main
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.checkpoint import Recipe, load_checkpoint, save_checkpoint
from vpr_ros.training.local_head.teacher import KeypointTeacher
from vpr_ros.training.local_head.train import LocalHeadRecipe
from vpr_ros.training.local_head.windows import windows

HEIGHT, WIDTH, DIM = 64, 96, 8
OUTPUTS = {"keypoints": "cells", "features": "features", "reliability": "reliability"}
NANO = {
    "name": "small",
    "backbone": {"name": "nano", "dim": DIM, "width": [8, 8, 8, 8]},
    "aggregation": {"name": "gem"},
    "preprocessing": {"height_px": 48, "width_px": 64, "mean": [0, 0, 0], "std": [1, 1, 1]},
}
VIT = {
    **NANO,
    "backbone": {"name": "dinov2_s", "timm_options": {"embed_dim": 16, "depth": 2, "num_heads": 2}},
    "preprocessing": {"height_px": 56, "width_px": 84},
}
RECIPE = {
    "head": {"dim": DIM, "keypoints": 10, "width": 16},
    "teacher": OUTPUTS,
    "training": {"steps": 60, "batch_size": 4, "scales": [0.9, 1.5]},
    "appearance": {"night": 0.0, "fog": 0.0, "low_resolution": 0.0, "blur": 0.0, "occluders": 0.0, "grey": 0.0},
}


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    """White dots on grey, whose places any teacher of dots can name."""
    folder = tmp_path / "photos" / "me__repo" / "walk"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(6):
        image = np.full((HEIGHT, WIDTH, 3), 100, dtype=np.uint8)
        for x, y in rng.integers(4, 60, (12, 2)):
            image[y, x] = 255
        cv2.imwrite(str(folder / f"{number}.png"), image)
    index = tmp_path / "photos" / "INDEX.csv"
    with index.open("w", newline="") as stream:
        csv.writer(stream).writerows([["owner", "repo", "sequence"], ["me", "repo", "walk"]])
    return index


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """Calls the brightest pixel of a cell its keypoint; describes a cell by eight of its pixels."""
    pixels = np.zeros((65, 3, 8, 8), dtype=np.float32)
    for pixel in range(64):
        pixels[pixel, :, pixel // 8, pixel % 8] = 10.0
    none = np.zeros(65, dtype=np.float32)
    none[64] = 18.0  # brighter than grey, darker than a dot
    features = np.random.default_rng(0).normal(size=(DIM, 3, 8, 8)).astype(np.float32)
    weights: dict[str, np.ndarray[Any, Any]] = {"p": pixels, "n": none, "f": features, "r": features[:1] / 10}
    nodes = [
        helper.make_node("Conv", ["image", "p", "n"], ["cells"], strides=[8, 8]),
        helper.make_node("Conv", ["image", "f"], ["features"], strides=[8, 8]),
        helper.make_node("Conv", ["image", "r"], ["logit"], strides=[8, 8]),
        helper.make_node("Sigmoid", ["logit"], ["reliability"]),
    ]
    ends = [("cells", 65), ("features", DIM), ("reliability", 1)]
    graph = helper.make_graph(
        nodes,
        "teacher",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, HEIGHT // 8, WIDTH // 8]) for n, c in ends],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    path = tmp_path / "teacher.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def trained(tmp_path: Path, config: Mapping[str, Any]) -> tuple[PlaceModel, Path]:
    torch.manual_seed(1)
    model = build_model(config).eval()
    save_checkpoint(model, tmp_path / "model.safetensors", Recipe("below.yaml", "0"))
    return model, tmp_path / "model.safetensors"


def command(tmp_path: Path, model: Path, sequences: Path, teacher: Path, recipe: object = RECIPE) -> list[str]:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe))
    named = {"--recipe": file, "--sequences": sequences, "--teacher": teacher, "--output": tmp_path / "run"}
    return [str(model), *(str(part) for pair in named.items() for part in pair)]


def test_vpr_nano_learns_where_keypoints_are_and_describes_places_as_before(
    tmp_path: Path, sequences: Path, teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, file = trained(tmp_path, NANO)
    assert main(command(tmp_path, file, sequences, teacher)) == 0
    assert "export_model" in capsys.readouterr().out
    model, recipe = load_checkpoint(tmp_path / "run" / "small.safetensors")
    assert recipe.name == "below.yaml + recipe.yaml"
    rows = (tmp_path / "run" / "losses.csv").read_text().splitlines()
    losses = [float(row["loss"]) for row in csv.DictReader(rows)]
    assert len(losses) == 60 and np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    images = torch.full((1, 3, 48, 64), 0.4)
    images[:, :, 18, 27] = 1.0
    with torch.no_grad():
        descriptor, chosen = model.eval().with_keypoints(images)
        torch.testing.assert_close(descriptor, before(images))
    np.testing.assert_allclose(chosen.keypoints_px[0, 0], [27.0, 18.0], atol=0.5)


def test_a_vision_transformer_learns_to_describe_too(tmp_path: Path, sequences: Path, teacher: Path) -> None:
    before, file = trained(tmp_path, VIT)
    assert main(command(tmp_path, file, sequences, teacher)) == 0
    model, _ = load_checkpoint(tmp_path / "run" / "small.safetensors")
    images = torch.rand(1, 3, 56, 84)
    with torch.no_grad():
        descriptor, chosen = model.eval().with_keypoints(images)
        torch.testing.assert_close(descriptor, before(images))
    assert chosen.descriptors.shape == (1, 10, DIM)
    assert main(command(tmp_path, tmp_path / "run" / "small.safetensors", sequences, teacher)) == 0  # another head


def test_the_teacher_answers_for_the_pixels_of_a_smaller_image(teacher: Path) -> None:
    images = torch.full((2, 3, 40, 50), 0.4)
    images[1, :, 9, 21] = 1.0
    answers = KeypointTeacher(teacher, OUTPUTS, dense=True)(images)
    assert answers.cells.shape == (2, 65, 5, 6)
    assert answers.cells[1, :, 1, 2].argmax() == 1 * 8 + 5
    assert answers.cells[0].argmax(dim=0).eq(64).all()
    assert answers.descriptors is not None and answers.descriptors.shape == (2, DIM, 5, 6)
    torch.testing.assert_close(answers.descriptors.norm(dim=1), torch.ones(2, 5, 6))
    assert KeypointTeacher(teacher, OUTPUTS, dense=False)(images).descriptors is None
    with pytest.raises(TrainingError, match="images of 72x50 for a teacher of 64x96"):
        KeypointTeacher(teacher, OUTPUTS, dense=False)(torch.zeros(1, 3, 72, 50))


def test_windows_fit_whatever_the_image(tmp_path: Path) -> None:
    images = [np.zeros((20, 200, 3), np.uint8), np.full((300, 90, 3), 255, np.uint8)]
    batches = windows(images, (48, 64), (0.5, 1.0), 4, seed=0)
    first = next(batches)
    assert first.shape == (4, 3, 48, 64)
    torch.testing.assert_close(first, next(windows(images, (48, 64), (0.5, 1.0), 4, seed=0)))
    with pytest.raises(TrainingError, match="scales"):
        next(windows(images, (48, 64), (2.0, 1.0), 4, seed=0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"teacher": {"keypoints": "cells"}}, "Name its outputs: features, keypoints, reliability"),
        ({"training": {"step": 3}}, "unknown keys of LocalTraining: step"),
        ({"training": 3}, "unknown keys of LocalTraining: 3"),
        ({"training": {"steps": 0}}, "steps=0, expected 1 to 10000000"),
        ({"training": {"batch_size": 1.5}}, "batch_size of LocalTraining is 1.5, expected a whole number such as 4"),
        ({"training": {"learning_rate": "x"}}, "learning_rate of LocalTraining is x, expected a number such as 0.01"),
        ({"training": {"learning_rate": float("nan")}}, "is nan, expected a number"),
        ({"training": {"scales": [1, 2, 3]}}, r"scales \[1, 2, 3\], expected two from 0.01 to 16.0"),
        ({"training": {"scales": ["a", "b"]}}, r"is \['a', 'b'\], expected a list such as \[0.8, 2.2\]"),
        ({"training": {"scales": [1e9, 1e9]}}, "expected two from 0.01 to 16.0"),
        ({"appearance": {"night": "x"}}, "night of AppearanceRange is x, expected a number such as 0.15"),
        ({"head": None}, "head is None"),
        ({"more": {}}, "has the sections"),
    ],
)
def test_a_recipe_is_checked(tmp_path: Path, change: dict[str, object], message: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump({**RECIPE, **change}))
    with pytest.raises(ConfigError, match=message):
        LocalHeadRecipe.read(file)


def test_the_shipped_recipe_is_one() -> None:
    recipe = LocalHeadRecipe.read(Path(__file__).parents[2] / "config" / "recipes" / "local_head.yaml")
    assert recipe.head.options["dim"] == 64


def test_what_cannot_be_used_is_said(
    tmp_path: Path, sequences: Path, teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, file = trained(tmp_path, NANO)
    swapped = {**RECIPE, "teacher": {**OUTPUTS, "keypoints": "features"}}
    assert main(command(tmp_path, file, sequences, teacher, swapped)) == 2
    assert "Name the teacher's outputs in the recipe" in capsys.readouterr().err
    assert main(command(tmp_path, file, sequences, tmp_path / "none.onnx")) == 2
    assert "no teacher at" in capsys.readouterr().err
    wrong = {**RECIPE, "head": {"dim": 64}}
    assert main(command(tmp_path, file, sequences, teacher, wrong)) == 2
    assert "dim=64 of a local head over a backbone with 8 numbers" in capsys.readouterr().err
    assert main(command(tmp_path, file, sequences, teacher, {**RECIPE, "head": {"dim": DIM, "width": 0}})) == 2
    assert "width=0 of a local head" in capsys.readouterr().err
    (tmp_path / "torn.onnx").write_bytes(b"torn")
    assert main(command(tmp_path, file, sequences, tmp_path / "torn.onnx")) == 2
    assert "torn.onnx is no ONNX file" in capsys.readouterr().err
    (tmp_path / "INDEX.csv").write_bytes(b"owner,repo,sequence\n\xff,x,y\n")
    assert main(command(tmp_path, file, tmp_path / "INDEX.csv", teacher)) == 2
    assert "is not UTF-8 text" in capsys.readouterr().err


def test_a_teacher_of_other_descriptors_is_refused(
    tmp_path: Path, sequences: Path, teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, file = trained(tmp_path, VIT)
    assert main(command(tmp_path, file, sequences, teacher, {**RECIPE, "head": {"dim": 16}})) == 2
    assert "descriptors of dim=16, the teacher's features have 8 numbers" in capsys.readouterr().err
    one_for_all = {**RECIPE, "teacher": dict.fromkeys(OUTPUTS, "cells")}
    assert main(command(tmp_path, file, sequences, teacher, one_for_all)) == 2
    assert "Name the teacher's outputs in the recipe" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
