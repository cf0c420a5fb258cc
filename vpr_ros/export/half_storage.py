# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Weights kept in half precision inside the file: half the size, widened by the runtime, computed in fp32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from vpr_ros.core.errors import ExportError

_SMALLEST = 1024
"""Elements below which a tensor is left alone: norms, biases and constants save nothing."""
HALF_SUFFIX = "_half"
"""Appended to the name of a weight that is kept in half precision."""


def store_in_half(model: onnx.ModelProto) -> None:
    """Replace every large float32 initializer by a float16 one and a Cast that runtimes fold when they load the file.

    Raises:
        ExportError: a weight is beyond the range of half precision.
    """
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        weight = numpy_helper.to_array(tensor)
        if weight.dtype != np.float32 or weight.size < _SMALLEST:
            continue
        with np.errstate(over="ignore"):
            half = weight.astype(np.float16)
        if not np.isfinite(half).all():
            raise ExportError(
                f"weight {tensor.name} reaches {np.abs(weight).max():.3g}, half precision ends at 65504",
                "Export without half storage",
            )
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}{HALF_SUFFIX}"))
        casts.append(
            onnx.helper.make_node("Cast", [f"{name}{HALF_SUFFIX}"], [name], f"widen_{name}", to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
