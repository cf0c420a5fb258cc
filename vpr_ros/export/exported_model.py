# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An exported ``vpr_nano`` back in torch, so that training can go on from the one file that ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from vpr_ros.core.errors import ExportError
from vpr_ros.core.files import parse_json
from vpr_ros.core.local_info import LOCAL_KEY, LocalInfo
from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.export.half_storage import HALF_SUFFIX
from vpr_ros.export.metadata import load_onnx
from vpr_ros.export.named_weights import FOLDED_KEY, TRANSPOSED_SUFFIX
from vpr_ros.models.build import build_model
from vpr_ros.models.checkpoint import load_checkpoint, load_strictly
from vpr_ros.models.place_model import PlaceModel

Weights = dict[str, npt.NDArray[np.float32]]

WIDEST_CONVOLUTIONS = ("stem.1.0", "stride8.0.0", "stride16.0.0", "stride32.0.0")
"""Their output channels are the ``width`` of a ``NanoBackbone``."""
FIRST_OF_CELLS = "local_head.cells.bins.0.weight"
FOLDED_BIAS_SUFFIX = "_bias"
"""What the exporter appends to a convolution's weight for the batch norm it folded into it."""


def model_of_file(path: Path) -> PlaceModel:
    """Read a model from a checkpoint, or from an exported vpr_nano.

    Raises:
        ExportError, ModelError, TrainingError: the file is neither.
    """
    return model_of_export(path) if path.suffix == ".onnx" else load_checkpoint(path)[0]


def recipe_of_file(path: Path) -> str:
    """Name of the recipe that made a model, from the same kinds of file; "" where the file does not say.

    Raises:
        ExportError, ModelError, TrainingError: see ``model_of_file``.
    """
    if path.suffix != ".onnx":
        return load_checkpoint(path)[1].name
    entries = {entry.key: entry.value for entry in load_onnx(path).metadata_props}
    return ModelInfo.from_json(entries[METADATA_KEY], str(path)).recipe if METADATA_KEY in entries else ""


def model_of_export(path: Path, name: str = "") -> PlaceModel:
    """Rebuild a model over the nano backbone from its export in fp32.

    Its batch norms hold what is left of them after export: ones, and the folded bias. Train on with their statistics
    as they are (``vpr_ros.models.freezing.keep_statistics``).

    Args:
        path: ONNX file.
        name: of the new model; empty takes the file's.

    Raises:
        ExportError: no ONNX file, or one that does not hold such a model in fp32.
        ModelError: its description cannot be read.
        TrainingError: weights are missing, as in files exported before their names were kept.
    """
    exported = load_onnx(path)
    entries = {entry.key: entry.value for entry in exported.metadata_props}
    if METADATA_KEY not in entries:
        raise ExportError(f"{path} does not describe itself", "Give a model exported by `export_model`")
    info = ModelInfo.from_json(entries[METADATA_KEY], str(path))
    weights = _weights(exported, parse_json(entries.get(FOLDED_KEY, "{}"), f"{path}: {FOLDED_KEY}", ExportError))
    widest = [f"backbone.{name}.weight" for name in WIDEST_CONVOLUTIONS]
    if info.precision != "fp32" or not all(name in weights for name in (*widest, "backbone.describe.weight")):
        raise ExportError(
            f"{path} ({info.name}, {info.precision}) does not hold a vpr_nano in fp32",
            "Give the checkpoint (.safetensors) it was exported from",
        )
    model = build_model(
        {
            "name": name or info.name,
            "backbone": {
                "name": "nano",
                "dim": len(weights["backbone.describe.weight"]),
                "width": [len(weights[name]) for name in widest],
            },
            "aggregation": info.aggregation,
            "whitening_dim": len(weights["whitening.linear.bias"]) if "whitening.linear.bias" in weights else None,
            "patch_normalised": info.patch_normalised,
            "preprocessing": info.preprocessing,
            "local_head": _local_head(entries.get(LOCAL_KEY), weights, path),
        }
    ).eval()
    load_strictly(model, _state_dict(model, weights), str(path))
    return model


def _local_head(described: str | None, weights: Weights, path: Path) -> dict[str, Any] | None:
    """Its configuration, where the file has one."""
    if described is None or FIRST_OF_CELLS not in weights:
        return None
    info = LocalInfo.from_json(described, str(path))
    return {"name": "keypoints", "dim": info.dim, "keypoints": info.keypoints, "width": len(weights[FIRST_OF_CELLS])}


def _weights(model: onnx.ModelProto, folded: dict[str, float]) -> Weights:
    """Every named tensor of the file in single precision, turned as torch has it."""
    weights = {name: np.array(value, dtype=np.float32) for name, value in folded.items()}
    for tensor in model.graph.initializer:
        name, array = tensor.name.removesuffix(HALF_SUFFIX), numpy_helper.to_array(tensor)
        if name.endswith(TRANSPOSED_SUFFIX):
            name, array = name.removesuffix(TRANSPOSED_SUFFIX), array.T
        weights[name] = array.astype(np.float32)
    return weights


def _state_dict(model: PlaceModel, weights: Weights) -> dict[str, Tensor]:
    """Put the tensors of the file under torch's names; what is missing stays missing, for the strict load to name."""
    own = model.state_dict()
    state = {
        name: torch.from_numpy(weights[name]).reshape(value.shape)
        for name, value in own.items()
        if name in weights and weights[name].size == value.numel()
    }
    for name, norm in model.named_modules():
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        convolution = f"{name.rpartition('.')[0]}.{int(name.rpartition('.')[2]) - 1}"
        folded = weights.get(f"{convolution}.weight{FOLDED_BIAS_SUFFIX}")
        if folded is None:
            continue
        ones = torch.ones(norm.num_features)
        state |= {
            f"{name}.weight": ones,
            f"{name}.bias": torch.from_numpy(folded),
            f"{name}.running_mean": torch.zeros(norm.num_features),
            f"{name}.running_var": ones - norm.eps,
            f"{name}.num_batches_tracked": torch.tensor(0),
        }
    return state
