"""Checkpoints carry their config, load strictly, and are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from golden import close
from safetensors.torch import save_file

from vpr_ros.core.errors import TrainingError
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.checkpoint import Recipe, load_checkpoint, load_weights, save_checkpoint

TINY_VIT = {"name": "dinov2_s", "timm_options": {"embed_dim": 32, "depth": 1, "num_heads": 2}}


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


def test_a_checkpoint_of_another_model_names_the_differences_and_changes_nothing(tmp_path: Path) -> None:
    save_checkpoint(tiny(clusters=3), tmp_path / "three.safetensors")
    model = tiny()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(
        TrainingError, match=r"another model.*aggregation.conv.weight is \(4, 32, 1, 1\), expected \(3,"
    ):
        load_weights(model, tmp_path / "three.safetensors")
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


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
