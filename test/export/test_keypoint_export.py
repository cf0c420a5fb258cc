# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A network that gives descriptor and local features in one run: what is written, and what the gate compares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from vpr_ros.core.errors import ExportError
from vpr_ros.core.local_info import LOCAL_KEY
from vpr_ros.export.export import ExportOptions, export_onnx, report_path
from vpr_ros.export.exportable import Exportable, exportable_place_model
from vpr_ros.export.exported_model import model_of_export
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.local_parity import LocalParity, check_local, measure_local, torch_features
from vpr_ros.export.precision import Precision
from vpr_ros.inference import open_extractor, open_local_extractor
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.checkpoint import Recipe

SIZE = {"height_px": 96, "width_px": 128}
NANO = {
    "name": "small",
    "backbone": {"name": "nano", "dim": 16, "width": [8, 12, 16, 24]},
    "aggregation": {"name": "gem"},
    "preprocessing": SIZE,
    "local_head": {"name": "keypoints", "dim": 16, "keypoints": 30, "width": 8},
}
VIT = {
    **NANO,
    "backbone": {"name": "dinov2_s", "timm_options": {"embed_dim": 32, "depth": 2, "num_heads": 2}},
    "preprocessing": {"height_px": 84, "width_px": 126},
}


def _trained(config: Mapping[str, Any]) -> PlaceModel:
    """Whose batch norms have seen images, so that folding them changes every weight."""
    torch.manual_seed(0)
    model = build_model(config).train()
    size = model.config.preprocessing
    for _ in range(10):
        model.with_keypoints(torch.rand(4, 3, size.height_px, size.width_px))
    return model.eval()


@pytest.fixture
def nano() -> PlaceModel:
    return _trained(NANO)


@pytest.fixture
def exportable(nano: PlaceModel) -> Exportable:
    return exportable_place_model(nano, Recipe("r.yaml", "0"))


@pytest.mark.parametrize("config", [NANO, VIT])
def test_both_are_found_in_one_file_by_the_robot_s_path(
    config: Mapping[str, Any], images: ImageFolder, tmp_path: Path
) -> None:
    model = _trained(config)
    path = tmp_path / "both.onnx"
    report = export_onnx(exportable_place_model(model, Recipe("r.yaml", "0")), path, ExportOptions(images))
    image = next(iter(images.batches(1)))[0]
    size = model.config.preprocessing
    with torch.no_grad():
        descriptor, chosen = model.with_keypoints(torch.from_numpy(size.batch([image])))
    extractor, local = open_extractor(path), open_local_extractor(path)
    np.testing.assert_allclose(extractor.infer(extractor.prepare([image])), descriptor, atol=1e-5)
    found = local.extract(image)
    used = int((chosen.scores[0] > 0).sum())
    expected_px = size.to_image_px(chosen.keypoints_px[0, :used].numpy(), image.shape[1], image.shape[0])
    np.testing.assert_allclose(found.keypoints_px, expected_px, atol=1e-3)
    np.testing.assert_allclose(found.descriptors, chosen.descriptors[0, :used], atol=1e-4)
    assert report.local is not None and report.local.found_min > 0.98
    assert json.loads(report_path(path).read_text())["local"]["cosine_min"] == report.local.cosine_min
    if config is NANO:
        _is_a_model_with_keypoints_again(path, model)


def _is_a_model_with_keypoints_again(path: Path, model: PlaceModel) -> None:
    again = model_of_export(path)
    assert again.config.to_mapping() == model.config.to_mapping()
    batch = torch.rand(2, 3, 96, 128)
    with torch.no_grad():
        torch.testing.assert_close(again.with_keypoints(batch)[0], model(batch), atol=1e-5, rtol=0)
        torch.testing.assert_close(again.local_head.cells.logits(batch), model.local_head.cells.logits(batch))


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_positions_keep_every_digit_in_lower_precision(
    nano: PlaceModel, exportable: Exportable, images: ImageFolder, tmp_path: Path, precision: Precision
) -> None:
    report = export_onnx(exportable, tmp_path / "low.onnx", ExportOptions(images, precision))
    assert report.local is not None and report.local.found_mean > 0.9
    batch = np.random.default_rng(0).random((1, 3, 96, 128), dtype=np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "low.onnx", providers=["CPUExecutionProvider"])
    found = session.run(["keypoints"], {"image": batch})[0][0]
    with torch.no_grad():
        expected = nano.with_keypoints(torch.from_numpy(batch))[1].keypoints_px[0].numpy()
    distance_px = np.linalg.norm(expected[:, None] - found[None], axis=2).min(axis=1)
    assert np.median(distance_px) < 1e-3
    low = onnx.load(tmp_path / "low.onnx")
    assert LOCAL_KEY in {entry.key for entry in low.metadata_props}
    assert {v.type.tensor_type.elem_type for v in low.graph.output} == {onnx.TensorProto.FLOAT}


def test_other_keypoints_are_refused(nano: PlaceModel, images: ImageFolder) -> None:
    other = _trained({**NANO, "local_head": {"name": "keypoints", "dim": 16, "keypoints": 30, "width": 12}})
    one, another = (torch_features(model, nano.config.preprocessing.batch) for model in (nano, other))
    with pytest.raises(ExportError, match="does not find the local features of the torch model"):
        check_local(measure_local(one, another, images), "fp32")


def test_no_agreement_at_all_does_not_pass() -> None:
    with pytest.raises(ExportError, match="cosine nan at worst"):
        check_local(LocalParity(9, 1.0, 1.0, float("nan"), float("nan")), "int8")
