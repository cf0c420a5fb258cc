"""The exported file gives its backbone back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from vpr_ros.core.errors import ExportError
from vpr_ros.core.model_info import METADATA_KEY
from vpr_ros.export.export import ExportOptions, export_onnx
from vpr_ros.export.exportable import exportable_place_model
from vpr_ros.export.exported_backbone import backbone_of_export
from vpr_ros.export.images import ImageFolder
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
            "backbone": backbone,
            "aggregation": {"name": "netvlad", "clusters": 3},
            "preprocessing": {"height_px": 48, "width_px": 64, "resize": "area"},
        }
    ).train()
    for _ in range(20):
        model(torch.rand(4, 3, 48, 64))
    return model.eval()


@pytest.mark.parametrize("store_half", [False, True])
def test_its_tokens_are_those_of_the_network_that_was_exported(
    nano: PlaceModel, images: ImageFolder, tmp_path: Path, store_half: bool
) -> None:
    path = tmp_path / "nano.onnx"
    export_onnx(exportable_place_model(nano, Recipe("r.yaml", "0")), path, ExportOptions(images, store_half=store_half))
    again = backbone_of_export(path)
    assert again.config.preprocessing == nano.config.preprocessing
    for size in ((48, 64), (32, 80)):
        batch = torch.rand(2, 3, *size)
        with torch.no_grad():
            torch.testing.assert_close(
                again.tokens(batch), nano.tokens(batch), atol=2e-3 if store_half else 1e-5, rtol=0
            )


def test_the_shipped_file_gives_the_tokens_it_computes_itself() -> None:
    model = onnx.load(shipped_model_path())
    again = backbone_of_export(shipped_model_path())
    size = again.config.preprocessing
    candidates = [node.output[0] for node in model.graph.node if node.op_type == "Transpose"]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in candidates)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    batch = np.random.default_rng(0).random((1, 3, size.height_px, size.width_px), dtype=np.float32)
    found = session.run(candidates, {"image": batch})
    with torch.no_grad():
        tokens = again.tokens(torch.from_numpy(batch)).numpy()
    assert any(array.shape == tokens.shape and np.abs(array - tokens).max() < 1e-4 for array in found)


def test_other_networks_and_precisions_are_refused(
    tiny: PlaceModel, nano: PlaceModel, images: ImageFolder, tmp_path: Path
) -> None:
    transformer, half, plain = (tmp_path / name for name in ("vit.onnx", "half.onnx", "plain.onnx"))
    export_onnx(exportable_place_model(tiny, Recipe("r.yaml", "0")), transformer, ExportOptions(images))
    export_onnx(exportable_place_model(nano, Recipe("r.yaml", "0")), half, ExportOptions(images, "fp16"))
    for path in (transformer, half):
        with pytest.raises(ExportError, match="does not hold the backbone of a vpr_nano in fp32"):
            backbone_of_export(path)
    model = onnx.load(transformer)
    kept = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, plain)
    with pytest.raises(ExportError, match="does not describe itself"):
        backbone_of_export(plain)


def test_the_file_tells_nothing_about_the_machine_that_wrote_it(
    tiny: PlaceModel, images: ImageFolder, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.onnx"
    export_onnx(exportable_place_model(tiny, Recipe("r.yaml", "0")), path, ExportOptions(images))
    source = Path(torch.__file__).parent
    assert str(source).encode() not in path.read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()
