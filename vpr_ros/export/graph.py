# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""torch -> ONNX, fp32."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch

from vpr_ros.core.errors import ExportError
from vpr_ros.core.local_info import LOCAL_KEY
from vpr_ros.export.exportable import Exportable
from vpr_ros.export.metadata import INPUT_NAME, OUTPUT_NAME, load_onnx, save_onnx, set_metadata, set_model_info
from vpr_ros.export.named_weights import name_weights
from vpr_ros.export.with_keypoints import without_prefix
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS

OPSET = 18
FOLDED_NUMBERS = 1 << 24
"""Largest table that is computed while exporting; the exporter itself stops far below a position table."""


def write_fp32(exportable: Exportable, path: Path) -> None:
    """Trace the network at its fixed input size, with a free batch size where it may be, and write it described.

    A position table that the network resamples to that size, as DINOv2's own code does for every image, becomes the
    resampled one.

    Raises:
        ExportError: something in the network has no ONNX form, or the file cannot be written.
    """
    size = exportable.info.preprocessing
    example = torch.zeros(exportable.images_at_once or 2, 3, size.height_px, size.width_px)
    try:
        model = _traced(exportable, example)
    except Exception as error:  # the exporter's errors have no common type
        raise ExportError(
            f"{exportable.info.name} cannot be written as ONNX ({type(error).__name__}: {str(error)[:300]})",
            "Replace the operation it names, or choose another backbone",
        ) from error
    if _cubic_resizes(model):
        model = _folded(model)
    if resizes := _cubic_resizes(model):
        raise ExportError(
            f"{exportable.info.name} resamples by bicubic interpolation at run time ({', '.join(resizes[:3])})",
            "A position table that depends on the size alone is resampled while it is exported: make it so, or let the "
            "images be resized before the network",
        )
    name_weights(model, exportable.module.state_dict())
    set_model_info(model, exportable.info)
    if exportable.local_info is not None:
        set_metadata(model, LOCAL_KEY, exportable.local_info.to_json())
    save_onnx(model, path)


def _traced(exportable: Exportable, example: torch.Tensor) -> onnx.ModelProto:
    module, outputs = exportable.module.eval(), [OUTPUT_NAME]
    if exportable.keypoints is not None:
        module, outputs = exportable.keypoints.eval(), [OUTPUT_NAME, *LOCAL_OUTPUTS]
    with _quiet("torch.onnx", "onnxscript"), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # deprecations inside the exporter itself
        program = torch.onnx.export(
            module,
            (example,),
            input_names=[INPUT_NAME],
            output_names=outputs,
            dynamic_shapes=None if exportable.images_at_once else ({0: torch.export.Dim("batch", min=1)},),
            opset_version=OPSET,
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the exporter gave nothing back")
    model: onnx.ModelProto = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces with the paths of the machine that exported
    without_prefix(model)
    return model


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxscript.optimizer import optimize  # noqa: PLC0415  # slow to import

    with _quiet("onnxscript"):
        folded: onnx.ModelProto = optimize(model, input_size_limit=FOLDED_NUMBERS, output_size_limit=FOLDED_NUMBERS)
    return folded


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Of these loggers errors alone are heard: what the exporter skips and replaces is its own affair."""
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _cubic_resizes(model: onnx.ModelProto) -> list[str]:
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Resize" and any(a.name == "mode" and a.s == b"cubic" for a in node.attribute)
    ]


def read_back(path: Path) -> onnx.ModelProto:
    """Load and check a written file.

    Raises:
        ExportError: it is not valid ONNX.
    """
    model = load_onnx(path)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"{path} is not valid ONNX ({error})", "Export it again") from error
    return model
