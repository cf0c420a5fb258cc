# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Exports agree with torch or are refused, and nothing half-done is left behind."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from vpr_ros.core.errors import ConfigError, ExportError
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.retrieval import evaluate_retrieval
from vpr_ros.export.export import ExportOptions, export_onnx, report_path
from vpr_ros.export.exportable import Exportable, exportable_place_model
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.parity import BATCH, Parity, RecallSet, check
from vpr_ros.export.precision import Precision
from vpr_ros.inference import open_extractor
from vpr_ros.models import CrossImageConfig, ModelConfig, PlaceModel, build_model
from vpr_ros.models.checkpoint import Recipe


@pytest.fixture
def exportable(tiny: PlaceModel) -> Exportable:
    return exportable_place_model(tiny, Recipe("recipe.yaml", "abc"))


def test_fp32_runs_on_the_robots_path_and_describes_itself(
    exportable: Exportable, images: ImageFolder, tmp_path: Path
) -> None:
    path = tmp_path / "out" / "tiny.onnx"
    report = export_onnx(exportable, path, ExportOptions(images))
    assert report.parity.images == 6
    assert report.parity.cosine_min > 0.9999
    extractor = open_extractor(path)
    assert extractor.info == exportable.info
    assert extractor.sha256 == report.sha256
    assert (extractor.info.recipe, extractor.info.recipe_sha256) == ("recipe.yaml", "abc")
    batch = extractor.prepare(next(iter(images.batches(3))))
    with torch.no_grad():
        expected = exportable.module(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(extractor.infer(batch), expected, atol=2e-6)
    stored = json.loads(report_path(path).read_text())
    assert stored["parity"]["cosine_min"] == report.parity.cosine_min
    assert sorted(p.name for p in path.parent.iterdir()) == ["tiny.export.json", "tiny.onnx"]


def test_an_export_of_the_same_network_is_called_as_the_earlier_one(
    tiny: PlaceModel, exportable: Exportable, images: ImageFolder, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.onnx", tmp_path / "new.onnx"
    first = export_onnx(exportable, old, ExportOptions(images))
    report = export_onnx(exportable, new, ExportOptions(images, same_as=old))
    assert report.sha256 == hashlib.sha256(new.read_bytes()).hexdigest() != first.sha256
    assert open_extractor(new).sha256 == first.sha256
    before = new.read_bytes()
    with torch.no_grad():
        for weights in tiny.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    another = exportable_place_model(tiny, Recipe("recipe.yaml", "abc"))
    with pytest.raises(ExportError, match="gives other descriptors than"):
        export_onnx(another, new, ExportOptions(images, same_as=old))
    assert new.read_bytes() == before


def test_the_position_table_is_baked_and_the_opset_recent(
    exportable: Exportable, images: ImageFolder, tmp_path: Path
) -> None:
    export_onnx(exportable, tmp_path / "tiny.onnx", ExportOptions(images))
    model = onnx.load(tmp_path / "tiny.onnx")
    assert not [node for node in model.graph.node if node.op_type == "Resize"]
    assert max(entry.version for entry in model.opset_import if not entry.domain) >= 17
    batch, *size = model.graph.input[0].type.tensor_type.shape.dim
    assert batch.dim_param
    assert [d.dim_value for d in size] == [3, 56, 84]


def test_fp16_keeps_its_ends_and_norms_in_fp32(exportable: Exportable, images: ImageFolder, tmp_path: Path) -> None:
    path = tmp_path / "half.onnx"
    report = export_onnx(exportable, path, ExportOptions(images, "fp16"))
    assert 0.999 <= report.parity.cosine_min <= 1.0
    model = onnx.load(path)
    assert {v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)} == {onnx.TensorProto.FLOAT}
    weights = {w.name: w.data_type for w in model.graph.initializer}
    norms = [n for n in model.graph.node if n.op_type == "LayerNormalization"]
    products = [n for n in model.graph.node if n.op_type == "MatMul" and n.input[1] in weights]
    assert norms
    assert products
    assert all(weights.get(n.input[1], onnx.TensorProto.FLOAT) == onnx.TensorProto.FLOAT for n in norms)
    assert all(weights[n.input[1]] == onnx.TensorProto.FLOAT16 for n in products)
    assert open_extractor(path).info.precision == "fp16"


def test_stored_in_half_it_is_half_the_size_and_still_computes_in_fp32(
    exportable: Exportable, images: ImageFolder, tmp_path: Path
) -> None:
    whole, path = tmp_path / "whole.onnx", tmp_path / "stored.onnx"
    export_onnx(exportable, whole, ExportOptions(images))
    report = export_onnx(exportable, path, ExportOptions(images, store_half=True))
    assert report.parity.cosine_min > 0.9999
    assert report.bytes < 0.8 * whole.stat().st_size
    assert open_extractor(path).info == exportable.info
    model = onnx.load(path)
    halves = {w.name for w in model.graph.initializer if w.data_type == onnx.TensorProto.FLOAT16}
    casts = {n.input[0] for n in model.graph.node if n.op_type == "Cast" and n.attribute[0].i == onnx.TensorProto.FLOAT}
    assert halves
    assert halves == casts
    with pytest.raises(ConfigError, match="half storage of an int8 export"):
        export_onnx(exportable, path, ExportOptions(images, "int8", store_half=True))


def test_int8_is_smaller_and_states_its_recall_change(
    exportable: Exportable, images: ImageFolder, tmp_path: Path
) -> None:
    task = RecallSet(images, images, Positives.from_lists([[i] for i in range(6)], "same image"))
    path = tmp_path / "int8.onnx"
    report = export_onnx(exportable, path, ExportOptions(images, "int8", task=task))
    assert report.parity.recall_at_1_torch == 100.0
    extractor = open_extractor(path)
    described = np.concatenate([extractor.infer(extractor.prepare(batch)) for batch in images.batches(BATCH)])
    expected = evaluate_retrieval(described, described, task.positives).at[1]
    assert report.parity.recall_at_1_export == pytest.approx(expected)
    assert report.parity.recall_at_1_change == pytest.approx(expected - 100.0)
    assert report.parity.cosine_min > 0.9
    assert {n.op_type for n in onnx.load(path).graph.node} >= {"QuantizeLinear", "DequantizeLinear"}
    assert extractor.info.precision == "int8"


class _Unfaithful(torch.nn.Module):
    """Stands for an operation whose ONNX form computes something else."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        descriptors: torch.Tensor = self.module(images)
        if torch.compiler.is_exporting():
            return torch.roll(descriptors, 1, dims=1)
        return descriptors


def test_an_export_that_disagrees_is_refused_and_the_old_file_stays(
    exportable: Exportable, images: ImageFolder, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(b"the older model")
    unfaithful = replace(exportable, module=_Unfaithful(exportable.module))
    with pytest.raises(ExportError, match="does not agree with the torch model"):
        export_onnx(unfaithful, path, ExportOptions(images))
    assert path.read_bytes() == b"the older model"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "tiny.onnx"]


@pytest.mark.parametrize(
    ("precision", "cosine"), [("fp32", 0.9998), ("fp16", 0.998), ("int8", 0.4), ("fp32", float("nan"))]
)
def test_the_gate_has_a_limit_per_precision(precision: str, cosine: float) -> None:
    with pytest.raises(ExportError, match=f"{precision} export does not agree"):
        check(Parity(3, cosine, 1.0), precision)
    check(Parity(3, 0.99995, 1.0), precision)


def test_a_model_whose_descriptors_depend_on_their_batch_is_refused(tiny: PlaceModel) -> None:
    cross_image = CrossImageConfig(heads=2, feedforward_dim=16)
    config = replace(tiny.config, cross_image=cross_image)
    with pytest.raises(ExportError, match="batch mode"):
        exportable_place_model(build_model(config), Recipe())


def test_the_single_mode_encoder_and_a_cnn_export(images: ImageFolder, tiny: PlaceModel, tmp_path: Path) -> None:
    single = replace(tiny.config, cross_image=CrossImageConfig(mode="single", heads=2, feedforward_dim=16))
    report = export_onnx(
        exportable_place_model(build_model(single), Recipe()), tmp_path / "single.onnx", ExportOptions(images)
    )
    assert report.parity.cosine_min > 0.9999
    assert open_extractor(tmp_path / "single.onnx").info.cross_image == "single"
    cnn = ModelConfig.from_mapping(
        {
            "backbone": {"name": "mobilenetv3_small_050"},
            "aggregation": {"name": "gem"},
            "preprocessing": {"height_px": 64, "width_px": 96},
        }
    )
    report = export_onnx(
        exportable_place_model(build_model(cnn), Recipe()), tmp_path / "cnn.onnx", ExportOptions(images)
    )
    assert report.parity.cosine_min > 0.9999


def test_unknown_precisions_and_folders_without_images_are_refused(
    exportable: Exportable, images: ImageFolder, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="fp32, fp16, int8"):
        export_onnx(exportable, tmp_path / "m.onnx", ExportOptions(images, "fp8"))  # type: ignore[arg-type]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExportError, match="holds no image"):
        ImageFolder.open(tmp_path / "empty")
    (tmp_path / "empty" / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    with pytest.raises(ExportError, match=r"an image cannot be used: .*torn\.jpg"):
        list(ImageFolder.open(tmp_path / "empty").batches(1))


@pytest.mark.parametrize(
    ("precision", "missing"), [("fp16", "onnxruntime.transformers"), ("int8", "onnxruntime.quantization")]
)
def test_a_runtime_without_its_converters_is_said_before_any_work(
    exportable: Exportable,
    images: ImageFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: Precision,
    missing: str,
) -> None:
    for name in [name for name in sys.modules if name.startswith(missing)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ExportError, match=rf"{precision} needs {missing}.*pip's onnxruntime"):
        export_onnx(exportable, tmp_path / "model.onnx", ExportOptions(images, precision))
    assert sorted(tmp_path.rglob("*")) == before
