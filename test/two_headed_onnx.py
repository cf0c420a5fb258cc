# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A small real ONNX network that gives a descriptor and local features, as the shipped one does."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper
from tiny_local_onnx import HEIGHT, WIDTH, local_info, write_local_model

from vpr_ros.core.model_info import METADATA_KEY, ModelInfo


def both_heads(path: Path, seed: int = 0, *, more: bool = False) -> Path:
    """A network of a descriptor and local features, which depend on *seed*."""
    model = onnx.load(str(write_local_model(path, seed=seed)))
    model.graph.node.append(helper.make_node("AveragePool", ["image"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]))
    model.graph.node.append(helper.make_node("Flatten", ["cells"], ["descriptor"]))
    dim = 3 * (HEIGHT // 8) * (WIDTH // 8)
    model.graph.output.append(helper.make_tensor_value_info("descriptor", TensorProto.FLOAT, ["batch", dim]))
    if more:
        model.graph.output.append(helper.make_tensor_value_info("cells", TensorProto.FLOAT, None))
    info = ModelInfo("both", "1", local_info().preprocessing, dim, {"name": "cells"})
    model.metadata_props.add(key=METADATA_KEY, value=info.to_json())
    onnx.save(model, str(path))
    return path
