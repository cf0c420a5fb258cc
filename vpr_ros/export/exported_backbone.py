"""The backbone back out of an exported ``vpr_nano``, so that torch can go on from the one file that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from vpr_ros.core.errors import ExportError
from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.export.half_storage import HALF_SUFFIX
from vpr_ros.export.metadata import load_onnx
from vpr_ros.models.build import build_model
from vpr_ros.models.checkpoint import load_strictly
from vpr_ros.models.place_model import PlaceModel

Weights = dict[str, npt.NDArray[np.float32]]

WIDEST_CONVOLUTIONS = ("stem.1.0", "stride8.0.0", "stride16.0.0", "stride32.0.0")
"""Their output channels are the ``width`` of a ``NanoBackbone``."""
FOLDED_BIAS_SUFFIX = "_bias"
"""What the exporter appends to a convolution's weight for the batch norm it folded into it."""


def backbone_of_export(path: Path) -> PlaceModel:
    """Rebuild the nano backbone of a model exported in fp32, with the mean of its tokens as descriptor.

    Its batch norms hold what is left of them after export: ones, and the folded bias. The rest of the file, its words
    and whitening, is not read.

    Raises:
        ExportError: no ONNX file, or one that does not hold this backbone in fp32.
        ModelError: its description cannot be read.
    """
    model = load_onnx(path)
    info = _info(model, path)
    weights = {
        tensor.name.removesuffix(HALF_SUFFIX): numpy_helper.to_array(tensor).astype(np.float32)
        for tensor in model.graph.initializer
        if tensor.name.startswith("backbone.")
    }
    widest = [f"backbone.{name}.weight" for name in WIDEST_CONVOLUTIONS]
    needed = [*widest, "backbone.describe.weight"]
    if info.precision != "fp32" or not all(name in weights for name in needed):
        raise ExportError(
            f"{path} ({info.name}, {info.precision}) does not hold the backbone of a vpr_nano in fp32",
            "Give the checkpoint (.safetensors) it was exported from",
        )
    place_model = build_model(
        {
            "name": info.name,
            "backbone": {
                "name": "nano",
                "dim": len(weights["backbone.describe.weight"]),
                "width": [len(weights[name]) for name in widest],
            },
            "aggregation": {"name": "mean"},
            "preprocessing": info.preprocessing,
        }
    ).eval()
    load_strictly(place_model, _state_dict(place_model, weights), str(path))
    return place_model


def _info(model: onnx.ModelProto, path: Path) -> ModelInfo:
    entries = {entry.key: entry.value for entry in model.metadata_props}
    if METADATA_KEY not in entries:
        raise ExportError(f"{path} does not describe itself", "Give a model exported by `export_model`")
    return ModelInfo.from_json(entries[METADATA_KEY], str(path))


def _state_dict(model: PlaceModel, weights: Weights) -> dict[str, Tensor]:
    """Put the tensors of the file under torch's names; what is missing stays missing, for the strict load to name."""
    state = {name: torch.from_numpy(value) for name, value in weights.items() if name in model.state_dict()}
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
