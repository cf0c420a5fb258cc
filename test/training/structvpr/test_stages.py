# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``train_structvpr``: a recipe's stages one after the other, stopped between them and in the last one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import taught_rooms as rooms
import tiny
import torch
import yaml

from vpr_ros.cli.train_structvpr import main
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.files import read_yaml
from vpr_ros.inference import shipped_model_path
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import load_checkpoint, save_checkpoint
from vpr_ros.training.recipe_cli import run_recipe
from vpr_ros.training.structvpr.stages import linked, read_stages, run_stages
from vpr_ros.training.structvpr.teacher import open_teacher

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*treespec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The number of training batches.*:UserWarning"),
]
RECIPES = Path(__file__).parents[3] / "config" / "recipes"
NAMED = ("structvpr_pitts30k", "structvpr_drives", "distill_dinov2b_to_vits", "distill_to_nano")
ROOMS = {
    "train": {"class_path": "tiny.RoomPlaces"},
    "batch": {"places": 2, "images_per_place": 2},
    "validation": [{"class_path": "tiny.RoomRetrieval"}],
    "loader": {"workers": 0, "evaluation_batch": 16},
}
TRAINER = {"max_epochs": 1, "accelerator": "cpu", "devices": 1, "enable_progress_bar": False, "logger": False}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe for drives, with rooms for drives; its last stage is stopped once."""
    folder = tmp_path_factory.mktemp("recipe")
    sections = read_stages(RECIPES / "structvpr_drives.yaml")
    for stage, section in sections.items():
        section["data"]["init_args"] |= ROOMS
        if "labels" in section["data"]["init_args"]:
            section["data"]["init_args"]["labels"] = {"class_path": "taught_rooms.FromRooms"}
        section["model"]["init_args"]["model"] = rooms.SEG if stage == "teacher" else rooms.STUDENT
        section["trainer"] = dict(TRAINER)
    stop = {"class_path": "taught_rooms.StopOnce", "init_args": {"marker": str(folder / "stopped"), "batches": 3}}
    sections["distilled"]["trainer"] |= {"callbacks": [stop], "max_epochs": 2}
    path = folder / "rooms.yaml"
    path.write_text(yaml.safe_dump(sections))
    return path


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path / "model.safetensors")[0].state_dict()


def test_a_run_stopped_after_any_stage_ends_as_an_uninterrupted_one(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, steps = tmp_path / "run", ["--save_every_steps", "1"]
    with pytest.raises(rooms.Stopped):
        run_stages(recipe, run, steps, run_recipe, print)
    assert not (run / "distilled" / "model.safetensors").exists()
    assert main(["--recipe", str(recipe), "--run", str(run), *steps]) == 0
    said = capsys.readouterr().out
    assert "teacher: done" in said
    assert "--resume true" in said
    assert f"wrote {run}/distilled/model.safetensors" in said

    again = tmp_path / "again"
    for stage in ("teacher", "student"):
        shutil.copytree(run / stage, again / stage)
    assert main(["--recipe", str(recipe), "--run", str(again), *steps]) == 0
    found, expected = weights(run / "distilled"), weights(again / "distilled")
    assert all(torch.equal(value, found[key]) for key, value in expected.items())
    assert any(not torch.equal(value, found[key]) for key, value in weights(run / "student").items())

    assert (run / "distilled" / "groups.csv").read_text() == (again / "distilled" / "groups.csv").read_text()
    metrics = json.loads((run / "distilled" / "metrics.json").read_text())
    assert [entry["epoch"] for entry in metrics["validations"]] == [0, 1]
    with pytest.raises(TrainingError, match=r"holds the run of another recipe.*recipe\.yaml"):
        other = tmp_path / "other.yaml"
        other.write_text(recipe.read_text() + "\n")
        run_stages(other, run, [], run_recipe, print)


def test_a_large_teacher_teaches_a_small_transformer(tmp_path: Path) -> None:
    """The recipe as it is, but for networks, images and epochs: a random DINOv2-B of two narrow blocks."""
    torch.manual_seed(5)
    narrow = {"timm_options": {"embed_dim": 48, "depth": 2, "num_heads": 2}}
    size = {"height_px": 28, "width_px": 28}
    vlad = {"name": "supervlad", "clusters": 4, "ghost_clusters": 1}
    teacher = build_model({"backbone": {"name": "dinov2_b", **narrow}, "aggregation": vlad, "preprocessing": size})
    save_checkpoint(teacher, tmp_path / "teacher.safetensors")
    sections = read_yaml(RECIPES / "distill_dinov2b_to_vits.yaml")
    for stage in ("student", "distilled"):
        model, data = sections[stage]["model"]["init_args"], sections[stage]["data"]["init_args"]
        narrower = {"timm_options": {"embed_dim": 32, "depth": 2, "num_heads": 2}}
        model["model"] |= {"backbone": {"name": "dinov2_s", **narrower}, "preprocessing": size}
        model |= {"freeze": "blocks>=1", **({"start": {"kmeans_images": 32}} if stage == "student" else {})}
        data |= {**ROOMS, "train_size_px": [28, 28]}
        sections[stage]["trainer"] = TRAINER
    sections["distilled"]["data"]["init_args"]["teacher"] = str(tmp_path / "teacher.safetensors")
    recipe = tmp_path / "vits.yaml"
    recipe.write_text(yaml.safe_dump(sections))
    run = tmp_path / "run"
    run_stages(recipe, run, ["--distilled.model.init_args.distillation", "2.0"], run_recipe, print)
    model, _ = load_checkpoint(run / "distilled" / "model.safetensors")
    assert model.descriptor_dim == 4 * 32
    (kept,) = (run / "distilled" / "teacher").glob("*/*.npy")
    assert np.load(kept).shape == (32, 4 * 48)
    config = yaml.safe_load((run / "distilled" / "config.yaml").read_text())
    assert config.get("fit", config)["model"]["init_args"]["distillation"] == 2.0


def test_an_onnx_file_is_a_teacher(tmp_path: Path) -> None:
    views = tiny.Rooms(places=2, views=1)
    teacher = open_teacher(shipped_model_path(), None, lambda _line: None)
    found = teacher.describe(views, tmp_path, "images", rooms.LOADER, torch.device("cpu"))
    assert found.shape == (2, teacher.dim) == (2, 1600)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", NAMED)
def test_every_stage_of_every_recipe_parses(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stage, section in linked(read_stages(RECIPES / f"{name}.yaml"), tmp_path).items():
        path = tmp_path / f"{stage}.yaml"
        path.write_text(yaml.safe_dump(section))
        with pytest.raises(SystemExit) as ended:
            run_recipe(["fit", "--config", str(path), "--print_config"])
        assert ended.value.code == 0
    assert "class_path: vpr_ros.training.structvpr.recipe." in capsys.readouterr().out


def test_overrides_are_for_all_stages_or_for_one(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    part: dict[str, Any] = {"init_args": {}}
    recipe.write_text(yaml.safe_dump({stage: {"model": part, "data": part} for stage in ("student", "distilled")}))
    asked: list[list[str]] = []
    run_stages(recipe, tmp_path / "run", ["--a", "1", "--student.b=2", "--distilled.c", "3"], _recorder(asked), print)
    student, distilled = (of_one[5:] for of_one in asked)
    assert student == ["--a", "1", "--b=2"]
    assert distilled == ["--a", "1", "--c", "3"]
    last = yaml.safe_load((tmp_path / "run" / "distilled.yaml").read_text())
    assert last["model"]["init_args"]["start"] == {"weights": str(tmp_path / "run/student/model.safetensors")}


def _recorder(asked: list[list[str]]) -> Callable[[Any], None]:
    def fit(arguments: Any) -> None:
        asked.append(list(arguments))
        run = Path(arguments[arguments.index("--run") + 1])
        run.mkdir(parents=True)
        (run / "model.safetensors").touch()

    return fit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("teacher: {}", r"has the sections \['teacher'\], expected distilled"),
        ("distilled: {model: {init_args: {}}}", "the section distilled of .* lacks a model or data"),
        ("{distilled: {}, extra: {}}", r"\['distilled', 'extra'\]"),
    ],
)
def test_a_recipe_of_another_kind_is_refused(tmp_path: Path, text: str, said: str) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    with pytest.raises(ConfigError, match=said):
        run_stages(recipe, tmp_path / "run", [], run_recipe, print)
    with pytest.raises(ConfigError, match="no recipe at"):
        read_stages(tmp_path / "none.yaml")
