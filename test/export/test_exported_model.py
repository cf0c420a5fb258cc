# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An exported file becomes a torch model again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from vpr_ros.core.errors import ExportError, TrainingError
from vpr_ros.core.model_info import METADATA_KEY
from vpr_ros.export.export import ExportOptions, export_onnx
from vpr_ros.export.exportable import exportable_place_model
from vpr_ros.export.exported_model import model_of_export
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.named_weights import FOLDED_KEY
from vpr_ros.inference import shipped_model_path
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.checkpoint import Recipe


@pytest.fixture
def nano() -> PlaceModel:
    """Whose batch norms have seen images, so that folding them changes every weight."""
    torch.manual_seed(0)
    backbone = {"name": "nano", "dim": 16, "width": [8, 12, 16, 24]}
    model = build_model(
        {
            "name": "small",
            "backbone": backbone,
            "aggregation": {
                "name": "layout_vlad",
                "clusters": 3,
                "layout_grid": [2, 3],
                "layout_dim": 4,
                "importance_power": 2.0,
            },
            "whitening_dim": 20,
            "patch_normalised": {"share": 0.2, "rows": 12, "columns": 16},
            "preprocessing": {"height_px": 48, "width_px": 64, "resize": "area"},
        }
    ).train()
    for _ in range(20):
        model(torch.rand(4, 3, 48, 64))
    return model.eval()


@pytest.mark.parametrize("store_half", [False, True])
def test_its_numbers_are_those_of_the_network_that_was_exported(
    nano: PlaceModel, images: ImageFolder, tmp_path: Path, store_half: bool
) -> None:
    path = tmp_path / "nano.onnx"
    torch.nn.init.constant_(nano.aggregation.layout_share, -1.5)
    assert nano.patch_normalised is not None
    nano.patch_normalised.fit(nano.patch_normalised.pictures(torch.rand(4, 3, 48, 64)))
    export_onnx(exportable_place_model(nano, Recipe("r.yaml", "0")), path, ExportOptions(images, store_half=store_half))
    again = model_of_export(path)
    assert again.config.to_mapping() == nano.config.to_mapping()
    batch = torch.rand(2, 3, 48, 64)
    with torch.no_grad():
        torch.testing.assert_close(again(batch), nano(batch), atol=2e-3 if store_half else 1e-5, rtol=0)
        larger = torch.rand(2, 3, 64, 80)  # the tokens of other sizes are its own too
        torch.testing.assert_close(again.tokens(larger), nano.tokens(larger), atol=2e-3 if store_half else 1e-5, rtol=0)


def test_the_shipped_file_computes_the_same_in_torch() -> None:
    again = model_of_export(shipped_model_path())
    size = again.config.preprocessing
    session = onnxruntime.InferenceSession(shipped_model_path(), providers=["CPUExecutionProvider"])
    batch = np.random.default_rng(0).random((1, 3, size.height_px, size.width_px), dtype=np.float32)
    (expected,) = session.run(["descriptor"], {"image": batch})
    with torch.no_grad():
        torch.testing.assert_close(again(torch.from_numpy(batch)), torch.from_numpy(expected), atol=1e-5, rtol=0)


def test_an_export_whose_weights_lost_their_names_is_refused(
    nano: PlaceModel, images: ImageFolder, tmp_path: Path
) -> None:
    path = tmp_path / "nano.onnx"
    export_onnx(exportable_place_model(nano, Recipe("r.yaml", "0")), path, ExportOptions(images))
    model = onnx.load(path)
    del model.metadata_props[[entry.key for entry in model.metadata_props].index(FOLDED_KEY)]
    onnx.save(model, path)
    with pytest.raises(TrainingError, match=r"aggregation\.layout_share is missing"):
        model_of_export(path)


def test_other_networks_and_precisions_are_refused(
    tiny: PlaceModel, nano: PlaceModel, images: ImageFolder, tmp_path: Path
) -> None:
    transformer, half, plain = (tmp_path / name for name in ("vit.onnx", "half.onnx", "plain.onnx"))
    export_onnx(exportable_place_model(tiny, Recipe("r.yaml", "0")), transformer, ExportOptions(images))
    export_onnx(exportable_place_model(nano, Recipe("r.yaml", "0")), half, ExportOptions(images, "fp16"))
    for path in (transformer, half):
        with pytest.raises(ExportError, match="does not hold a vpr_nano in fp32"):
            model_of_export(path)
    model = onnx.load(transformer)
    kept = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, plain)
    with pytest.raises(ExportError, match="does not describe itself"):
        model_of_export(plain)


def test_the_file_tells_nothing_about_the_machine_that_wrote_it(
    tiny: PlaceModel, images: ImageFolder, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.onnx"
    export_onnx(exportable_place_model(tiny, Recipe("r.yaml", "0")), path, ExportOptions(images))
    source = Path(torch.__file__).parent
    assert str(source).encode() not in path.read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()
