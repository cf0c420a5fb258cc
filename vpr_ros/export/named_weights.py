# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Weights of an exported graph under the names torch has for them, so that the file can be read back into torch.

The exporter folds the transposition in front of a matrix product into the weight and gives the result a number for a
name; a parameter that only takes part in constants, like the share of a layout, leaves no tensor behind at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

TRANSPOSED_SUFFIX = ".T"
"""Appended to the name of a matrix that the graph holds transposed."""
FOLDED_KEY = "vpr_ros.folded"
"""Entry of the ``metadata_props`` for the parameters that left no tensor behind: a JSON object of numbers by name."""

Matrix = npt.NDArray[np.float32]


def name_weights(model: onnx.ModelProto, state: Mapping[str, Tensor]) -> None:
    """Rename the tensors of *model* that are entries of *state*, as they are or transposed.

    Args:
        model: is changed.
        state: state dict of the module that was exported. What was computed from several entries, a convolution with
            its batch norm in it, keeps the exporter's name.
    """
    present = {tensor.name for tensor in model.graph.initializer}
    missing = {
        name: value.detach().cpu().numpy()
        for name, value in state.items()
        if name not in present and value.dtype == torch.float32
    }
    unnamed = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer if t.name not in state}
    renamed: dict[str, str] = {}
    for name, matrix in ((name, value.squeeze()) for name, value in missing.items()):
        if matrix.ndim == 2 and (found := _find(matrix, unnamed)) is not None:
            renamed[found[0]] = name + found[1]
            del unnamed[found[0]]
    for tensor in model.graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    numbers = {name: float(value.item()) for name, value in missing.items() if value.size == 1}
    if numbers:
        model.metadata_props.add(key=FOLDED_KEY, value=json.dumps(numbers, sort_keys=True))


def _find(matrix: Matrix, arrays: Mapping[str, Matrix]) -> tuple[str, str] | None:
    """Return the name of the array that holds *matrix*, and the suffix its name will need."""
    for suffix, wanted in (("", matrix), (TRANSPOSED_SUFFIX, matrix.T)):
        for name, array in arrays.items():
            if array.dtype == np.float32 and np.array_equal(array.squeeze(), wanted):
                return name, suffix
    return None
