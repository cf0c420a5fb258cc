# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Published files read safely."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden import golden

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.convert import convert, read_state_dict


def published_state() -> dict[str, torch.Tensor]:
    tiny = golden("tiny_dino_supervlad")
    return {f"module.{k}": v for k, v in tiny.items() if k.startswith(("backbone.", "aggregation."))}


def training_file(state: dict[str, torch.Tensor]) -> dict[str, Any]:
    """The authors' layout, arrays and numbers of NumPy included."""
    return {
        "epoch_num": 7,
        "model_state_dict": state,
        "optimizer_state_dict": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 5e-5}]},
        "recalls": np.array([92.2, 96.6, 97.4, 99.0]),
        "best_r5": np.float64(96.6),
        "not_improved_num": 0,
    }


def test_the_authors_training_file_converts_with_its_numpy_content(tmp_path: Path) -> None:
    torch.save(training_file(published_state()), tmp_path / "SuperVLAD.pth")
    model, published = convert(tmp_path / "SuperVLAD.pth", heads=2)
    assert published.kind == "SuperVLAD K=4 G=1 over DINOv2"
    assert model.config.name == "SuperVLAD"
    assert model.config.preprocessing.height_px == 322
    expected = golden("tiny_dino_supervlad")["aggregation.conv.weight"]
    torch.testing.assert_close(model.aggregation.conv.weight.detach(), expected)


def test_a_bare_state_dict_converts_too(tmp_path: Path) -> None:
    bare = {key.removeprefix("module."): value for key, value in published_state().items()}
    torch.save(bare, tmp_path / "bare.pth")
    assert convert(tmp_path / "bare.pth", heads=2)[1].kind == "SuperVLAD K=4 G=1 over DINOv2"


def test_an_encoder_of_one_step_is_converted_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layer = torch.nn.TransformerEncoderLayer(32, 16, 64, activation="gelu")
    encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    state = published_state() | {f"module.encoder.{k}": v.detach() for k, v in encoder.state_dict().items()}
    torch.save(training_file(state), tmp_path / "crossimage.pth")
    with caplog.at_level(logging.WARNING):
        model, published = convert(tmp_path / "crossimage.pth", heads=2)
    assert "looks untrained" in caplog.text
    assert published.kind.endswith("with cross-image encoder")
    assert model.cross_image is not None
    assert model.cross_image.mode == "single"


def test_a_tensor_that_belongs_to_nothing_is_named(tmp_path: Path) -> None:
    torch.save(published_state() | {"module.classifier.weight": torch.zeros(2, 2)}, tmp_path / "more.pth")
    with pytest.raises(TrainingError, match=r"1 tensors belong to no part of the model \(classifier.weight\)"):
        convert(tmp_path / "more.pth", heads=2)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    state = published_state()
    del state["module.backbone.blocks.1.ls2.gamma"]
    torch.save(state, tmp_path / "torn.pth")
    with pytest.raises(TrainingError, match=r"blocks\.1\.ls2\.gamma is missing"):
        convert(tmp_path / "torn.pth", heads=2)


class _Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (open_marker, (str(self.marker),))


def open_marker(path: str) -> None:
    Path(path).write_text("executed")


def test_a_pickle_that_asks_for_code_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"model_state_dict": published_state(), "extra": _Evil(tmp_path / "marker")}, tmp_path / "evil.pth")
    with pytest.raises(TrainingError, match="cannot be read safely"):
        convert(tmp_path / "evil.pth")
    assert not (tmp_path / "marker").exists()


def test_files_without_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no file"):
        read_state_dict(tmp_path / "missing.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(TrainingError, match="cannot be read safely"):
        read_state_dict(tmp_path / "text.pth")
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    with pytest.raises(TrainingError, match="no state dict"):
        read_state_dict(tmp_path / "epoch.pth")
