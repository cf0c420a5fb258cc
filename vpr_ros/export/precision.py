# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""fp32 ONNX -> fp16 and int8."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError

from vpr_ros.core.errors import ExportError
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.export.exportable import with_precision
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.metadata import INPUT_NAME, OUTPUT_NAME, load_onnx, save_onnx, set_model_info
from vpr_ros.export.sensitive_products import before_any_product, sensitive_products
from vpr_ros.export.with_keypoints import local_only

Precision = Literal["fp32", "fp16", "int8"]

KEPT_IN_FP32 = (
    "LayerNormalization",
    "InstanceNormalization",
    "Softmax",
    "ReduceL2",
    "ReduceSum",
    "ReduceMean",
    "Pow",
    "Sqrt",
    "Div",
    "Clip",
    "Max",
    "Resize",
)
"""Norms, the softmax and what they are made of: sums and quotients that half precision spoils."""

QUANTISED = ("Conv", "MatMul", "Gemm")


CONVERTERS: dict[Precision, str] = {"fp16": "onnxruntime.transformers.float16", "int8": "onnxruntime.quantization"}


def require_converter(precision: Precision) -> None:
    """See that ONNX Runtime's converter is there, before any work: trimmed builds, a Jetson's for one, lack it.

    Raises:
        ExportError: it is not.
    """
    name = CONVERTERS.get(precision)
    try:
        if name is not None:
            import_module(name)
    except ImportError as error:
        raise ExportError(
            f"{precision} needs {name}, which this onnxruntime cannot import ({error})",
            "Export on a machine with pip's onnxruntime and copy the file, or export in fp32",
        ) from error


def write_fp16(fp32: Path, path: Path, info: ModelInfo) -> None:
    """Halve the weights; input and output stay float32, norms and softmax are computed in float32.

    Raises:
        ExportError: the converter cannot, or the file cannot be written.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16  # noqa: PLC0415  # slow to import
    from onnxruntime.transformers.onnx_model import OnnxModel  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numbers truncated to the range of half precision: the gate measures it
            whole = load_onnx(fp32)
            model = convert_float_to_float16(
                whole,
                keep_io_types=True,
                op_block_list=list(KEPT_IN_FP32),
                node_block_list=[*before_any_product(whole, QUANTISED), *local_only(whole, OUTPUT_NAME)],
                disable_shape_infer=False,
            )
        _drop_repeated_casts(model)
        _join_casts(model)
        OnnxModel.graph_topological_sort(model.graph)  # the casts of the inputs come last otherwise
    except (ValueError, RuntimeError, TypeError) as error:
        raise ExportError(f"{fp32} cannot be converted to fp16 ({error})", "Export in fp32") from error
    set_model_info(model, with_precision(info, "fp16"))
    save_onnx(model, path)


def _drop_repeated_casts(model: onnx.ModelProto) -> None:
    """Keep the first of several nodes with one output: newer converters cast a shared weight once per reader."""
    written: set[str] = set()
    kept = []
    for node in model.graph.node:
        if not written.intersection(node.output):
            kept.append(node)
        written.update(node.output)
    del model.graph.node[:]
    model.graph.node.extend(kept)


def _join_casts(model: onnx.ModelProto) -> None:
    """Hand values on in single precision between two nodes that are kept in it.

    The converter casts what comes out of each to half precision and back before the next.
    """
    casts = {node.output[0]: node for node in model.graph.node if node.op_type == "Cast"}
    to = {name: node.attribute[0].i for name, node in casts.items()}
    whole = {
        name: casts[node.input[0]].input[0]
        for name, node in casts.items()
        if to[name] == onnx.TensorProto.FLOAT and to.get(node.input[0]) == onnx.TensorProto.FLOAT16
    }
    ends = {value.name for value in model.graph.output}
    for name in ends & set(whole):
        casts[name].input[0] = whole[name]
    for node in model.graph.node:
        node.input[:] = [whole.get(name, name) for name in node.input]
    for _ in range(2):  # the casts back first, then those that only they read
        read = ends.union(*(node.input for node in model.graph.node))
        left = [node for node in model.graph.node if node.op_type != "Cast" or node.output[0] in read]
        del model.graph.node[:]
        model.graph.node.extend(left)


def write_int8(fp32: Path, path: Path, info: ModelInfo, calibration: ImageFolder) -> None:
    """Quantise convolutions and matrix products statically, for CPUs.

    Args:
        fp32: the exported model.
        path: of the new file.
        info: of the fp32 model.
        calibration: images as the robot sees them; the ranges of all activations come from them.

    Raises:
        ExportError: the quantiser cannot, or the file cannot be written.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static  # noqa: PLC0415  # slow to import

    temporary = path.with_name(f".{path.name}.int8")
    root = logging.getLogger()
    level = root.level
    try:
        root.setLevel(logging.ERROR)  # the quantiser advises on the root logger
        whole = load_onnx(fp32)
        quantize_static(
            str(fp32),
            str(temporary),
            _Calibration(info, calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=[*sensitive_products(whole, QUANTISED), *local_only(whole, OUTPUT_NAME)],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        model = load_onnx(temporary)
    except DecodeError as error:  # ONNX Runtime writes on its way, and does not say that the disk is full
        raise ExportError(f"the quantiser left half a file beside {path} ({error})", "Free some space") from error
    except (ValueError, RuntimeError, TypeError, KeyError) as error:
        raise ExportError(f"{fp32} cannot be quantised ({error})", "Export in fp32 or fp16") from error
    finally:
        root.setLevel(level)
        temporary.unlink(missing_ok=True)
    set_model_info(model, with_precision(info, "int8"))
    save_onnx(model, path)


class _Calibration:
    """Feeds the quantiser; follows its ``CalibrationDataReader``."""

    def __init__(self, info: ModelInfo, images: ImageFolder) -> None:
        self._info = info
        self._images = images
        self._rows = self._feed()

    def _feed(self) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        for batch in self._images.batches(1):
            yield {INPUT_NAME: self._info.preprocessing.batch(batch)}

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        """Return the next image as the network's input, None after the last."""
        return next(self._rows, None)

    def rewind(self) -> None:
        """Start again."""
        self._rows = self._feed()
