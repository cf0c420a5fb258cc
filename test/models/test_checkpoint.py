# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Checkpoints carry their config, load strictly, and are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from golden import close
from safetensors.torch import save_file

from vpr_ros.core.errors import TrainingError
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.checkpoint import Recipe, load_backbone, load_checkpoint, load_weights, save_checkpoint

TINY_VIT: dict[str, Any] = {"name": "dinov2_s", "timm_options": {"embed_dim": 32, "depth": 1, "num_heads": 2}}


def tiny(clusters: int = 2) -> PlaceModel:
    return build_model(
        {"backbone": TINY_VIT, "aggregation": {"name": "supervlad", "clusters": clusters}, "whitening_dim": 4}
    ).eval()


def test_a_checkpoint_gives_the_same_model_back(tmp_path: Path) -> None:
    model, path = tiny(), tmp_path / "runs" / "m.safetensors"
    save_checkpoint(model, path, Recipe("recipe.yaml", "ab"))
    again, recipe = load_checkpoint(path)
    images = torch.randn(1, 3, 28, 42)
    with torch.no_grad():
        close(again.eval()(images), model(images), atol=0.0)
    assert again.config.to_mapping() == model.config.to_mapping()
    assert recipe == Recipe("recipe.yaml", "ab")
    assert os.listdir(path.parent) == ["m.safetensors"]  # noqa: PTH208
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode, "readable by whom the umask lets"


def test_a_local_head_that_is_not_wanted_is_left_out(tmp_path: Path) -> None:
    """A recipe that trains the descriptor further starts from a file that finds keypoints, too."""
    both = {**tiny().config.to_mapping(), "local_head": {"name": "keypoints", "keypoints": 8, "dim": 8}}
    given, model = build_model(both), tiny()
    save_checkpoint(given, tmp_path / "both.safetensors")
    load_weights(model, tmp_path / "both.safetensors")
    assert all(torch.equal(value, given.state_dict()[key]) for key, value in model.state_dict().items())


def test_a_checkpoint_of_another_model_names_the_differences_and_changes_nothing(tmp_path: Path) -> None:
    save_checkpoint(tiny(clusters=3), tmp_path / "three.safetensors")
    model = tiny()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(
        TrainingError, match=r"another model.*aggregation.conv.weight is \(4, 32, 1, 1\), expected \(3,"
    ):
        load_weights(model, tmp_path / "three.safetensors")
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_backbone_is_taken_from_under_another_head_and_cut_to_the_blocks_that_are_kept(tmp_path: Path) -> None:
    deep = {**TINY_VIT, "timm_options": {**TINY_VIT["timm_options"], "depth": 3}}
    other = build_model({"backbone": deep, "aggregation": {"name": "class_token"}})
    save_checkpoint(other, tmp_path / "deep.safetensors")
    model = build_model({"backbone": {**deep, "blocks": 2}, "aggregation": {"name": "supervlad", "clusters": 2}})
    head = model.aggregation.conv.weight.detach().clone()
    load_backbone(model, tmp_path / "deep.safetensors")
    theirs = other.backbone.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in model.backbone.state_dict().items())
    assert torch.equal(model.aggregation.conv.weight, head)


def test_another_backbone_is_named_as_such(tmp_path: Path) -> None:
    wide = {**TINY_VIT, "timm_options": {**TINY_VIT["timm_options"], "embed_dim": 64}}
    save_checkpoint(build_model({"backbone": wide}), tmp_path / "wide.safetensors")
    with pytest.raises(TrainingError, match=r"the backbone in .*another model.*\(1, 1, 64\), expected \(1, 1, 32\)"):
        load_backbone(tiny(), tmp_path / "wide.safetensors")
    shallow = build_model({"backbone": TINY_VIT})
    save_checkpoint(shallow, tmp_path / "shallow.safetensors")
    deep = {**TINY_VIT, "timm_options": {**TINY_VIT["timm_options"], "depth": 2}}
    with pytest.raises(TrainingError, match=r"blocks\.1\.norm1\.weight is missing"):
        load_backbone(build_model({"backbone": deep}), tmp_path / "shallow.safetensors")


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no checkpoint"):
        load_checkpoint(tmp_path / "missing.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(TrainingError, match="convert_checkpoint"):
        load_checkpoint(tmp_path / "torn.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(TrainingError, match="without a vpr_ros config"):
        load_checkpoint(tmp_path / "foreign.safetensors")


def test_a_failed_write_leaves_the_older_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.mkdir()
    with pytest.raises(TrainingError, match="cannot be written"):
        save_checkpoint(tiny(), path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]
