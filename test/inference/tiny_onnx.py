# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Small real ONNX models, whole or broken in one way each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.core.preprocess import Preprocessing

HEIGHT, WIDTH, DIM = 24, 32, 16
OPSET = 17


def info(dim: int = DIM, cross_image: str = "none") -> ModelInfo:
    """Metadata that fits the model."""
    return ModelInfo("tiny", "1", Preprocessing(HEIGHT, WIDTH), dim, {"name": "linear"}, cross_image=cross_image)


def write_model(
    path: Path,
    *,
    seed: int = 0,
    scale: float = 1.0,
    noise: float = 0.0,
    batch: int | str = "batch",
    metadata: ModelInfo | None = None,
    with_metadata: bool = True,
    output: str = "descriptor",
    opset: int = OPSET,
    operator: str = "MatMul",
    breaks_when_run: bool = False,
    rows_per_image: int = 1,
    half_input: bool = False,
) -> Path:
    """Write a model: cells -> matrix of *seed* times *scale* -> *output*, not normalised. Cells are 8x8 pixels.

    *noise* is added to the matrix, as rounding to less precision would. *rows_per_image* repeats every row.
    """
    cells = 3 * (HEIGHT // 8) * (WIDTH // 8) + breaks_when_run
    height, width = ("height", "width") if breaks_when_run else (HEIGHT, WIDTH)  # hides the misfit from the loader
    weight = scale * np.random.default_rng(seed).standard_normal((cells, DIM)).astype(np.float32)
    weight += noise * np.random.default_rng(seed + 1).standard_normal(weight.shape).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["image"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node(operator, ["flat", "weight"], ["row"]),
        helper.make_node("Concat", ["row"] * rows_per_image, [output], axis=0),
    ]
    rows = batch if rows_per_image == 1 else "rows"
    if half_input:
        nodes[0].input[0] = "widened"
        nodes.insert(0, helper.make_node("Cast", ["image"], ["widened"], to=TensorProto.FLOAT))
    kind = TensorProto.FLOAT16 if half_input else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", kind, [batch, 3, height, width])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [rows, DIM])],
        [numpy_helper.from_array(weight.astype(np.float32), "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if with_metadata:
        helper.set_model_props(model, {METADATA_KEY: (metadata or info()).to_json()})
    onnx.save(model, str(path))
    return path


def write_model_with_external_data(path: Path) -> Path:
    """Write a model whose weights lie in a second file, and lose that file."""
    whole = onnx.load(str(write_model(path)))
    onnx.save(whole, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    (path.parent / "weights.bin").unlink()
    return path
