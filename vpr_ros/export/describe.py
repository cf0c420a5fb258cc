"""Descriptions for ONNX files of others; needs ``onnx``, not torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx

from vpr_ros.core.errors import ExportError
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.metadata import input_size, load_onnx, rename_ends, save_onnx, set_model_info


@dataclass(frozen=True)
class Description:
    """What a foreign file does not say itself.

    Attributes:
        name, version: for people.
        aggregation: name of the pooling, for people.
        descriptor_dim: where the file leaves it open.
        preprocessing: fields of ``Preprocessing``; the size is needed where the file leaves it open.
    """

    name: str
    version: str = "1"
    aggregation: str = "unknown"
    descriptor_dim: int | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)


def describe_onnx(source: Path, target: Path, description: Description) -> ModelInfo:
    """Write *source* with a description as *target*; input and output get the names the robot asks for.

    Raises:
        ExportError: unreadable, not an image network with one vector per image, or a size that contradicts the file.
    """
    model = load_onnx(source)
    info = ModelInfo(
        name=description.name,
        version=description.version,
        preprocessing=Preprocessing(**{**description.preprocessing, **_size(model, description, source)}),
        descriptor_dim=_descriptor_dim(model, description.descriptor_dim, source),
        aggregation={"name": description.aggregation},
    )
    rename_ends(model)
    set_model_info(model, info)
    save_onnx(model, target)
    return info


def _size(model: onnx.ModelProto, description: Description, source: Path) -> dict[str, int]:
    sizes = {}
    for side, stated in zip(("height_px", "width_px"), input_size(model), strict=True):
        given = description.preprocessing.get(side)
        if stated is None and given is None:
            raise ExportError(f"{source} leaves the size of its input open", "Give it with --size HEIGHTxWIDTH")
        if stated is not None and given is not None and stated != given:
            raise ExportError(f"{source} has {side}={stated}, --size says {given}", "Leave --size out")
        sizes[side] = int(stated or given or 0)
    return sizes


def _descriptor_dim(model: onnx.ModelProto, given: int | None, source: Path) -> int:
    dims = model.graph.output[0].type.tensor_type.shape.dim
    stated = dims[1].dim_value if len(dims) == 2 and dims[1].HasField("dim_value") else None
    if len(dims) not in (0, 2):
        raise ExportError(
            f"the first output of {source} has {len(dims)} dimensions, expected (B, D)",
            "Only networks that give one vector per image can be described",
        )
    if stated is None and given is None:
        raise ExportError(f"{source} leaves the size of its descriptor open", "Give it with --descriptor-dim")
    if stated is not None and given is not None and stated != given:
        raise ExportError(
            f"{source} gives descriptors of {stated}, --descriptor-dim says {given}", "Leave --descriptor-dim out"
        )
    return stated or given or 0
