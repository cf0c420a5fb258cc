# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The description inside an ONNX file; needs ``onnx``, not torch."""

from __future__ import annotations

from pathlib import Path

import onnx

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ExportError
from vpr_ros.core.files import check_regular
from vpr_ros.core.model_info import METADATA_KEY, ModelInfo

INPUT_NAME = "image"
OUTPUT_NAME = "descriptor"


def set_model_info(model: onnx.ModelProto, info: ModelInfo) -> None:
    """Put *info* into the ``metadata_props``, in place of an older one."""
    set_metadata(model, METADATA_KEY, info.to_json())


def set_metadata(model: onnx.ModelProto, key: str, text: str) -> None:
    """Put the entry *key* into the ``metadata_props``, in place of an older one."""
    kept = [(p.key, p.value) for p in model.metadata_props if p.key != key]
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, dict([*kept, (key, text)]))


def load_onnx(path: Path) -> onnx.ModelProto:
    """Read an ONNX file.

    Raises:
        ExportError: missing, or not an ONNX model.
    """
    try:
        check_regular(path, ExportError)
        model = onnx.load(path)
    except ExportError:
        raise
    except Exception as error:  # protobuf's errors have no common type
        raise ExportError(
            f"{path} cannot be read as an ONNX model ({error})", "Give the path of an .onnx file"
        ) from error
    if not model.graph.input or not model.graph.output:
        raise ExportError(f"{path} holds no graph with inputs and outputs", "Give a complete ONNX model")
    return model


def save_onnx(model: onnx.ModelProto, path: Path) -> None:
    """Write whole or not at all.

    Raises:
        ExportError: the file cannot be written; an older one is left as it was.
    """
    try:
        with new_file(path, ExportError) as part:
            onnx.save(model, part, format="protobuf")
    except ValueError as error:
        raise ExportError(f"{path} cannot be written ({error})", "Export a smaller model") from error


def input_size(image: onnx.ValueInfoProto) -> tuple[int | None, int | None]:
    """Height and width of the input (B, 3, H, W); None for a side that is free.

    Raises:
        ExportError: the input is not an image batch of three channels.
    """
    dims = image.type.tensor_type.shape.dim
    sizes = [d.dim_value if d.HasField("dim_value") else None for d in dims]
    if len(sizes) != 4 or sizes[1] not in (3, None):
        raise ExportError(
            f"the model's input {image.name!r} has shape {sizes}, expected (B, 3, H, W)",
            "Only networks that read an RGB image batch can be described",
        )
    return sizes[2], sizes[3]
