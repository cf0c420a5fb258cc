# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The shipped model, fine-tuned on a team's own drives, from the command line to a model the robot can run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

pytest.importorskip("lightning")

import torch

from vpr_ros.cli import convert, export_model
from vpr_ros.export.exported_model import model_of_export
from vpr_ros.inference import open_extractor, shipped_model_path
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import load_checkpoint
from vpr_ros.simulation.record import record_folder
from vpr_ros.training.datasets.towns import TownDrives
from vpr_ros.training.recipe_cli import run_recipe as train

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*treespec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The number of training batches.*:UserWarning"),
]
RECIPE = Path(__file__).parents[2] / "config" / "recipes" / "finetune_nano.yaml"


@pytest.fixture
def drives(tmp_path: Path) -> Path:
    towns = TownDrives(spacing_m=6.0, distance_m=60.0, width_px=160, height_px=120)
    for number, conditions in enumerate(("day", "dusk", "night")):
        record_folder(towns.source(towns.town(4), conditions, number), tmp_path / conditions, image_suffix=".jpg")
    return tmp_path


def _own_recipe(drives: Path, start: Path) -> Path:
    """The recipe as a user would change it, and small enough for a test."""
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    recipe["model"]["init_args"]["start"]["weights"] = str(start)
    recipe["trainer"]["max_epochs"] = 1
    data = recipe["data"]["init_args"]
    data["train"]["init_args"] |= {
        "drives": [{"path": str(drives / name)} for name in ("day", "dusk")],
        "min_images_per_place": 2,
    }
    data["batch"] = {"places": 2, "images_per_place": 2}
    data["loader"]["workers"] = 0
    data["validation"] = data["validation"][:1]
    data["validation"][0]["init_args"] |= {
        "database": {"path": str(drives / "day")},
        "queries": {"path": str(drives / "night")},
    }
    path = drives / "finetune_nano.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def test_the_recipe_is_of_the_model_that_ships() -> None:
    finetuned = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["model"]["init_args"]["model"]
    own = model_of_export(shipped_model_path()).config
    assert replace(build_model(finetuned).config, name=own.name).to_mapping() == own.to_mapping()


def test_from_the_shipped_file_to_a_finetuned_export(drives: Path) -> None:
    start, run, exported = drives / "vpr_nano.safetensors", drives / "run", drives / "finetuned.onnx"
    assert convert.main(["--output", str(start)]) == 0
    train(["fit", "--config", str(_own_recipe(drives, start)), "--run", str(run)])
    before, _ = load_checkpoint(start)
    after, recipe = load_checkpoint(run / "model.safetensors")
    assert recipe.name == "finetune_nano"
    states = before.state_dict(), after.state_dict()
    assert {key.partition(".")[0] for key in set(states[0]) - set(states[1])} <= {"local_head"}
    moved = {key for key, value in states[1].items() if not torch.equal(value, states[0][key])}
    assert {"backbone.describe.weight", "aggregation.vlad.centroids", "whitening.linear.weight"} <= moved
    assert not any("running" in key for key in moved)

    arguments = [str(run / "model.safetensors"), "--images", str(drives / "day" / "images"), "--output", str(exported)]
    assert export_model.main([*arguments, "--store-half"]) == 0
    shipped, own = open_extractor(shipped_model_path()).info, open_extractor(exported).info
    assert replace(shipped, name=own.name, recipe=own.recipe, recipe_sha256=own.recipe_sha256) == own
