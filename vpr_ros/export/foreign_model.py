"""Descriptions for ONNX files of others; needs ``onnx``, not torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from vpr_ros.core.disk import folder_beside
from vpr_ros.core.errors import ExportError, ModelError
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.graph_ends import descriptor_output, image_input, rename_ends, shape_of
from vpr_ros.export.metadata import input_size, load_onnx, save_onnx, set_model_info
from vpr_ros.inference.options import CPU
from vpr_ros.inference.session import ModelSession


@dataclass(frozen=True)
class Description:
    """What a foreign file does not say itself.

    Attributes:
        name, version: for people.
        aggregation: name of the pooling, for people.
        descriptor_dim: where the file leaves it open.
        descriptor_output: which of several outputs it is.
        preprocessing: fields of ``Preprocessing``; the size is needed where the file leaves it open.
    """

    name: str
    version: str = "1"
    aggregation: str = "unknown"
    descriptor_dim: int | None = None
    descriptor_output: str | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)


class Described(NamedTuple):
    """What came of a description.

    Attributes:
        info: what the file now says about itself.
        dropped_outputs: outputs of the source that the described file does not have.
    """

    info: ModelInfo
    dropped_outputs: tuple[str, ...]


def describe_onnx(source: Path, target: Path, description: Description) -> Described:
    """Write *source* with a description as *target*; input and output get the names the robot asks for.

    Before it takes its place, the file is run once on two images of noise, as the robot would run it.

    Raises:
        ExportError: unreadable, not an image network with one vector per image, a size that contradicts the file, or a
            network that does not run, or gives something else than its file declares.
    """
    model = load_onnx(source)
    image = image_input(model, source)
    descriptor = descriptor_output(model, source, description.descriptor_output)
    info = ModelInfo(
        name=description.name,
        version=description.version,
        preprocessing=Preprocessing(**{**description.preprocessing, **_size(image, description, source)}),
        descriptor_dim=_descriptor_dim(descriptor, description.descriptor_dim, source),
        aggregation={"name": description.aggregation},
    )
    dropped = rename_ends(model, image.name, descriptor.name)
    set_model_info(model, info)
    with folder_beside(target, ExportError) as folder:
        trial = folder / target.name
        save_onnx(model, trial)
        _run_once(trial, info, source)
        trial.replace(target)
    return Described(info, tuple(dropped))


def _run_once(path: Path, info: ModelInfo, source: Path) -> None:
    """Ask for two descriptors: what does not run, or gives more or less than one row per image, is found here."""
    size = info.preprocessing
    patches = np.random.default_rng(0).integers(0, 256, (2, size.height_px, size.width_px, 3)).astype(np.uint8)
    try:
        ModelSession(path, CPU, {}, threads=0).run(size.batch(list(patches)))
    except ModelError as error:
        raise ExportError(
            f"{source} does not run as it says: {error.problem.replace(str(path), str(source))}",
            "Export the network again, with shapes that are what it takes and gives",
        ) from error


def _size(image: onnx.ValueInfoProto, description: Description, source: Path) -> dict[str, int]:
    sizes = {}
    for side, stated in zip(("height_px", "width_px"), input_size(image), strict=True):
        given = description.preprocessing.get(side)
        if stated is None and given is None:
            raise ExportError(f"{source} leaves the size of its input open", "Give it with --size HEIGHTxWIDTH")
        if stated is not None and given is not None and stated != given:
            raise ExportError(f"{source} has {side}={stated}, --size says {given}", "Leave --size out")
        sizes[side] = int(stated or given or 0)
    return sizes


def _descriptor_dim(descriptor: onnx.ValueInfoProto, given: int | None, source: Path) -> int:
    dims = shape_of(descriptor)
    stated = dims[1] if len(dims) == 2 and isinstance(dims[1], int) else None
    if stated is None and given is None:
        raise ExportError(f"{source} leaves the size of its descriptor open", "Give it with --descriptor-dim")
    if stated is not None and given is not None and stated != given:
        raise ExportError(
            f"{source} gives descriptors of {stated}, --descriptor-dim says {given}", "Leave --descriptor-dim out"
        )
    return stated or given or 0
