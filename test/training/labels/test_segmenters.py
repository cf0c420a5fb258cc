# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from colour_networks import colour_image, write_network
from onnx import TensorProto
from torchvision.models import segmentation

from vpr_ros.core.errors import ConfigError, ModelError, TrainingError
from vpr_ros.training.labels.grouping import LabelGroup, LabelGrouping, read_grouping
from vpr_ros.training.labels.onnx_segmenter import OnnxSegmenter
from vpr_ros.training.labels.segmenter import read_class_names
from vpr_ros.training.labels.segmenter_labels import SegmenterLabels
from vpr_ros.training.labels.torchvision_segmenter import TorchvisionSegmenter

CLASSES = np.kron(np.random.default_rng(0).integers(0, 3, (4, 6)), np.ones((16, 16))).astype(np.uint8)
IMAGE = colour_image(CLASSES)
COLOURS = LabelGrouping(
    "colours", (LabelGroup("warm", 1.0), LabelGroup("cold", 2.0)), {0: 0, 1: 1, 2: 1}, {"red": 0, "green": 1, "blue": 1}
)


def agree(found: np.ndarray, share: float) -> None:
    assert found.shape == CLASSES.shape
    assert (found == CLASSES).mean() >= share


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({}, 0.9),  # half-size logits: the seams differ
        ({"answer": "classes"}, 1.0),
        ({"answer": "classes", "channels_last": True}, 1.0),
        ({"channels_last": True}, 0.9),
        ({"answer": "classes", "kind": TensorProto.UINT8}, 1.0),
        ({"answer": "classes", "kind": TensorProto.FLOAT16}, 1.0),
        ({"answer": "classes", "size": (32, 48)}, 0.9),
        ({"outputs": ("aux", "out")}, 0.9),
    ],
    ids=lambda value: "-".join(map(str, value)) or "plain" if isinstance(value, dict) else "",
)
def test_logits_and_class_maps_of_all_layouts(tmp_path: Path, options: dict[str, Any], share: float) -> None:
    segmenter = OnnxSegmenter(write_network(tmp_path / "net.onnx", **options))
    agree(segmenter.classes(IMAGE), share)
    agree(pickle.loads(pickle.dumps(segmenter)).classes(IMAGE), share)  # as a loader's worker gets it
    assert segmenter.class_count == (3 if options.get("answer") is None else None)


def test_options_and_metadata_of_the_input(tmp_path: Path) -> None:
    described = json.dumps(
        {
            "metadata_version": 1,
            "preprocessing": {"height_px": 64, "width_px": 96, "mean": [0, 0, 0], "std": [1, 1, 1]},
            "class_names": ["red", "green", "blue"],
        }
    )
    path = write_network(tmp_path / "net.onnx", answer="classes", metadata=described)
    segmenter = OnnxSegmenter(path)
    agree(segmenter.classes(IMAGE), 1.0)
    assert segmenter.class_names == ("red", "green", "blue")
    blue_first = OnnxSegmenter(path, bgr=True)
    assert np.array_equal(blue_first.classes(IMAGE), 2 - CLASSES)
    small = OnnxSegmenter(path, size_px=(32, 48))
    agree(small.classes(IMAGE), 0.9)
    hashes = {s.sha256 for s in (segmenter, blue_first, small, OnnxSegmenter(path, mean=(0.5, 0.5, 0.5)))}
    assert len(hashes) == 4
    assert OnnxSegmenter(path).sha256 in hashes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"answer": "mask"}, r"'logits' is float32 \(1, 1, 32, 48\) for one image of \(64, 96\), expected logits"),
        ({"answer": "whole"}, r"'logits' is float32 \(1, 64, 96\)"),
        ({"kind": TensorProto.INT32}, r"takes picture tensor\(int32\) \[1, 3, 'h', 'w'\]; expected one RGB image"),
        ({"batch": 2}, r"takes picture tensor\(float\) \[2, 3, 'h', 'w'\]"),
        ({"outputs": ("first", "second")}, "has the outputs first.*second.*Name the one"),
        ({"metadata": "{}"}, "metadata cannot be read"),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else "",
)
def test_a_network_with_another_input_or_output_is_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    path = write_network(tmp_path / "net.onnx", **options)
    with pytest.raises(ModelError, match=message):
        OnnxSegmenter(path).classes(IMAGE)


def test_files_options_and_sizes_that_do_not_fit(tmp_path: Path) -> None:
    path = write_network(tmp_path / "net.onnx", (32, 48))
    with pytest.raises(ModelError, match="takes images of 32x48, not of 64x96"):
        OnnxSegmenter(path, size_px=(64, 96))
    with pytest.raises(ModelError, match=r"has the outputs logits .*, not 'classes'"):
        OnnxSegmenter(path, output="classes")
    with pytest.raises(ModelError, match="no segmentation network at"):
        OnnxSegmenter(tmp_path / "other.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ModelError, match="cannot load"):
        OnnxSegmenter(tmp_path / "text.onnx")


def test_maps_are_kept_by_segmenter_and_grouping(tmp_path: Path) -> None:
    path, cache = write_network(tmp_path / "net.onnx", answer="classes"), tmp_path / "maps"
    labels = SegmenterLabels(OnnxSegmenter(path), COLOURS, cache)
    assert np.array_equal(labels.of("a", IMAGE), CLASSES > 0)
    other = SegmenterLabels(OnnxSegmenter(path, bgr=True), COLOURS, cache)
    assert np.array_equal(other.of("a", IMAGE), CLASSES < 2)
    assert np.array_equal(labels.of("a", IMAGE), CLASSES > 0)
    assert labels.groups == COLOURS.groups
    assert len(list(cache.glob("*/*/*.png"))) == 2


def test_a_grouping_of_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    segmenter = OnnxSegmenter(write_network(tmp_path / "net.onnx"))
    with pytest.raises(ConfigError, match=r"net.onnx has 3 classes, cityscapes lists 19"):
        SegmenterLabels(segmenter, read_grouping("cityscapes"), tmp_path)
    with pytest.raises(ConfigError, match="has 3 classes, its names are 2"):
        SegmenterLabels(segmenter, COLOURS, tmp_path, ("red", "blue"))
    turned = SegmenterLabels(segmenter, COLOURS, tmp_path, ("Blue", "green", "RED"))
    assert (turned.of("a", IMAGE) == (CLASSES < 2)).mean() > 0.9
    names = tmp_path / "names.txt"
    names.write_text("red\n\nblue\n")
    with pytest.raises(ConfigError, match="has an empty line"):
        read_class_names(names)
    names.write_text("red\nnavy blue\n")
    assert read_class_names(names) == ("red", "navy blue")


@pytest.fixture(scope="module")
def lraspp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, saved as torchvision's training script saves them."""
    torch.manual_seed(0)
    network = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21)
    path = tmp_path_factory.mktemp("torchvision") / "lraspp.pth"
    torch.save({"model": network.state_dict(), "epoch": 3}, path)
    return path


def test_torchvision_from_a_checkpoint_answers_as_torchvision(lraspp: Path) -> None:
    segmenter = TorchvisionSegmenter(lraspp, short_side_px=64)
    assert segmenter.description == "lraspp_mobilenet_v3_large of lraspp.pth"
    assert segmenter.class_count == 21
    network = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21)
    network.load_state_dict(torch.load(lraspp, weights_only=True)["model"])
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    batch = torch.from_numpy(((IMAGE / 255 - mean) / std).transpose(2, 0, 1)[None]).float()
    with torch.no_grad():
        wanted = network.eval()(batch)["out"][0].argmax(0).numpy()
    assert (segmenter.classes(IMAGE) == wanted).mean() > 0.999
    assert segmenter.sha256 != TorchvisionSegmenter(lraspp, short_side_px=32).sha256


def test_which_network_a_checkpoint_is_of_is_seen_in_its_tensors(lraspp: Path, tmp_path: Path) -> None:
    tensors = torch.load(lraspp, weights_only=True)["model"]
    path = tmp_path / "net.pth"
    torch.save({key: value for key, value in tensors.items() if "cbr" not in key}, path)
    with pytest.raises(TrainingError, match=r"cbr.* is missing"):
        TorchvisionSegmenter(path)
    torch.save({"head.weight": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match=r"1 tensors \(head.weight, ...\) of none of lraspp.*deeplabv3_resnet50"):
        TorchvisionSegmenter(path)
    path.write_bytes(pickle.dumps({"model": print}))
    with pytest.raises(TrainingError, match="cannot be read safely"):
        TorchvisionSegmenter(path)


def test_deeplab_with_auxiliary_head(tmp_path: Path) -> None:
    network = segmentation.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=5, aux_loss=True
    )
    torch.save(network.state_dict(), tmp_path / "deeplab.pth")
    segmenter = TorchvisionSegmenter(tmp_path / "deeplab.pth", short_side_px=32)
    assert segmenter.description.startswith("deeplabv3_mobilenet_v3_large")
    assert segmenter.class_count == 5
    assert segmenter.classes(IMAGE).shape == CLASSES.shape
