# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The three commands about model files, from published weights to a file the robot runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hub_repository import write_hub_repository
from torch import nn

from vpr_ros.cli import convert, describe_model, export_model
from vpr_ros.core.errors import ExportError
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.whiten import whitened
from vpr_ros.inference import open_extractor
from vpr_ros.inference.options import TENSORRT
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.checkpoint import load_checkpoint, save_checkpoint
from vpr_ros.models.pca_whitening import pca_whitening


def test_a_checkpoint_is_exported_with_its_recall_change(
    tiny: PlaceModel, image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tiny, tmp_path / "tiny.safetensors")
    names = sorted(p.name for p in image_folder.iterdir())
    (tmp_path / "gt.csv").write_text("query,positives\n" + "".join(f"{n},{n}\n" for n in names))
    out = tmp_path / "tiny.onnx"
    common = [str(tmp_path / "tiny.safetensors"), "--output", str(out), "--images", str(image_folder)]
    task = [
        "--map-images",
        str(image_folder),
        "--query-images",
        str(image_folder),
        "--positives",
        str(tmp_path / "gt.csv"),
    ]
    assert export_model.main([*common, *task, "--size", "28x42", "--resize", "area", "--name", "mine"]) == 0
    assert "recall@1 100.0 % (+0.0)" in capsys.readouterr().out
    assert open_extractor(out).info.name == "mine"
    preprocessing = open_extractor(out).info.preprocessing
    assert (preprocessing.height_px, preprocessing.width_px, preprocessing.resize) == (28, 42, "area")
    assert json.loads((tmp_path / "tiny.export.json").read_text())["parity"]["recall_at_1_change"] == 0.0


def test_a_large_descriptor_is_whitened_on_the_way_out(
    tiny: PlaceModel, image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tiny, tmp_path / "tiny.safetensors")
    out = tmp_path / "tiny.onnx"
    arguments = [str(tmp_path / "tiny.safetensors"), "--output", str(out), "--images", str(image_folder)]
    assert export_model.main([*arguments, "--whiten", "4", "--whiten-images", str(image_folder)]) == 0
    extractor = open_extractor(out)
    batch = extractor.prepare(next(iter(ImageFolder.open(image_folder).batches(6))))
    with torch.no_grad():
        descriptors = tiny(torch.from_numpy(batch)).numpy()
    weight, bias = pca_whitening(descriptors, 4)
    expected = descriptors @ weight + bias
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(extractor.infer(batch), expected, atol=1e-3)

    assert export_model.main([*arguments, "--whiten", "6", "--whiten-images", str(image_folder)]) == 2
    assert "give more images" in capsys.readouterr().err
    assert export_model.main([*arguments, "--whiten", "4"]) == 2
    assert "--whiten-images" in capsys.readouterr().err
    assert extractor.info.descriptor_dim == 4


def test_a_model_is_whitened_once(tiny: PlaceModel, image_folder: Path) -> None:
    images = ImageFolder.open(image_folder)
    with pytest.raises(ExportError, match="whitened to 3 numbers already"):
        whitened(whitened(tiny, images, 3), images, 2)


def test_a_picture_beside_the_descriptor_is_not_whitened(tiny: PlaceModel, image_folder: Path) -> None:
    images = ImageFolder.open(image_folder)
    model = build_model(
        {**tiny.config.to_mapping(), "patch_normalised": {"share": 0.2, "rows": 7, "columns": 6, "window": 3}}
    ).eval()
    batch = torch.rand(2, 3, 56, 84)
    with torch.no_grad():
        before, after = model(batch), whitened(model, images, 3)(batch)
    assert (before.shape[1], after.shape[1]) == (2 * 32 + 42, 3 + 42)
    torch.testing.assert_close(after[:, 3:], before[:, -42:])


def test_an_encoder_trained_on_batches_is_exported_as_a_robot_runs_it(
    tiny: PlaceModel, image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**tiny.config.to_mapping(), "cross_image": {"mode": "batch", "heads": 2, "feedforward_dim": 8}}
    save_checkpoint(build_model(config), tmp_path / "coupled.safetensors")
    out = tmp_path / "coupled.onnx"
    arguments = [str(tmp_path / "coupled.safetensors"), "--output", str(out), "--images", str(image_folder)]
    assert export_model.main(arguments) == 0
    assert "single-image mode" in capsys.readouterr().out
    extractor = open_extractor(out)
    assert extractor.info.cross_image == "single"
    batch = np.random.default_rng(0).standard_normal((3, 3, 56, 84)).astype(np.float32)
    alone = np.concatenate([extractor.infer(image[None]) for image in batch])
    np.testing.assert_allclose(extractor.infer(batch), alone, atol=1e-5)


@pytest.mark.skipif(TENSORRT in onnxruntime.get_available_providers(), reason="this onnxruntime has TensorRT")
def test_without_tensorrt_the_engine_is_refused_before_any_work(
    tiny: PlaceModel, image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tiny, tmp_path / "tiny.safetensors")
    arguments = [
        str(tmp_path / "tiny.safetensors"),
        "--output",
        str(tmp_path / "tiny.onnx"),
        "--images",
        str(image_folder),
    ]
    assert export_model.main([*arguments, "--tensorrt", str(tmp_path / "tiny_engine.onnx")]) == 2
    assert "this onnxruntime has no TensorrtExecutionProvider" in capsys.readouterr().err
    assert not (tmp_path / "tiny.onnx").exists()


def test_a_local_hub_model_is_wrapped_and_exported(
    image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = write_hub_repository(tmp_path / "hub")
    out = tmp_path / "pooled.onnx"
    ends = ["--output", str(out), "--images", str(image_folder)]
    assert export_model.main(["--torch-hub", str(hub), "pooled", *ends, "--size", "48x64"]) == 0
    info = open_extractor(out).info
    assert (info.name, info.descriptor_dim, dict(info.aggregation)) == ("pooled", 8, {"name": "torch_hub"})
    assert export_model.main(["--torch-hub", str(hub), "pooled", *ends]) == 2
    assert export_model.main(["--torch-hub", str(hub), "feature_map", *ends, "--size", "48x64"]) == 2
    assert export_model.main(["--torch-hub", str(hub), "no_such", *ends, "--size", "48x64"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [next(w for w in ("--size", "(B, D)", "cannot load no_such") if w in e) for e in errors] == [
        "--size",
        "(B, D)",
        "cannot load no_such",
    ]


def test_dinov2_weights_become_a_model_that_tells_places_apart(
    image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = build_model(
        {
            "backbone": {"name": "dinov2_s", "timm_options": {"embed_dim": 64, "depth": 1, "num_heads": 1}},
            "aggregation": {"name": "class_token"},
        }
    )
    prefix = "backbone.net."
    state = {key.removeprefix(prefix): value for key, value in tiny.state_dict().items() if key.startswith(prefix)}
    torch.save({**state, "mask_token": torch.zeros(1, 64)}, tmp_path / "dino.pth")
    out = tmp_path / "dino.safetensors"
    arguments = [
        str(tmp_path / "dino.pth"),
        "--output",
        str(out),
        "--init-images",
        str(image_folder),
        "--clusters",
        "3",
    ]
    assert convert.main(arguments) == 0
    assert "SuperVLAD K=3 G=1" in capsys.readouterr().out
    model, recipe = load_checkpoint(out)
    assert recipe.name == "converted from dino.pth"
    assert model.descriptor_dim == 3 * 64
    torch.testing.assert_close(model.backbone.net.blocks[0].attn.qkv.weight, state["blocks.0.attn.qkv.weight"])
    lengths = model.aggregation.conv.weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, lengths[:1].expand(4))


def test_convert_checkpoint_makes_the_shipped_model_ready_to_be_fine_tuned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "nano.safetensors"
    assert convert.main(["--output", str(out)]) == 0
    model, recipe = load_checkpoint(out)
    assert f"descriptor {model.descriptor_dim}, input 360x480" in capsys.readouterr().out
    assert (model.config.name, recipe.name) == ("vpr_nano", "converted from vpr_nano.onnx")


def test_other_words_over_the_shipped_backbone_come_without_its_whitening(image_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "supervlad.safetensors"
    assert convert.main(["--output", str(out), "--init-images", str(image_folder), "--clusters", "3"]) == 0
    model, _ = load_checkpoint(out)
    assert model.whitening is None
    assert model.descriptor_dim == 3 * 64


def test_what_an_export_says_itself_cannot_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--heads", "--ghost-clusters"):
        assert convert.main(["--output", str(tmp_path / "nano.safetensors"), option, "2"]) == 2
        assert "--heads or --ghost-clusters for vpr_nano.onnx" in capsys.readouterr().err


def test_a_foreign_onnx_file_is_described_where_there_is_no_torch(tmp_path: Path, image_folder: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, 32, 48),),
        tmp_path / "foreign.onnx",
        input_names=["x"],
        output_names=["y"],
        verbose=False,
    )
    script = (
        "import sys; sys.modules['torch'] = None; sys.modules['timm'] = None;"
        "from vpr_ros.cli.describe_model import main; sys.exit(main(sys.argv[1:]))"
    )
    out = tmp_path / "described.onnx"
    arguments = [str(tmp_path / "foreign.onnx"), "--output", str(out), "--name", "foreign", "--mean", "0", "0", "0"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    info = open_extractor(out).info
    assert (info.name, info.descriptor_dim, info.preprocessing.mean) == ("foreign", 4, (0.0, 0.0, 0.0))
    assert (info.preprocessing.height_px, info.preprocessing.width_px) == (32, 48)
    images = np.zeros((32, 48, 3), np.uint8)
    assert open_extractor(out).infer(open_extractor(out).prepare([images])).shape == (1, 4)


def test_sizes_that_contradict_a_foreign_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["b", 3, 32, "w"])
    vector = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", [image], [vector])), tmp_path / "open.onnx")
    ends = [str(tmp_path / "open.onnx"), "--output", str(tmp_path / "out.onnx")]
    for extra, message in (
        ([], "leaves the size of its input open"),
        (["--size", "30x40"], "height_px=32"),
        (["--size", "32x40"], "--descriptor-dim"),
    ):
        assert describe_model.main([*ends, *extra]) == 2
        assert message in capsys.readouterr().err
    (tmp_path / "text.onnx").write_text("no model")
    assert describe_model.main([str(tmp_path / "text.onnx"), "--output", str(tmp_path / "out.onnx")]) == 2
    assert not (tmp_path / "out.onnx").exists()
