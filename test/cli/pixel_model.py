# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model file that describes an image by its pixels: small, fast, and as real to the commands as any other."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.core.preprocess import Preprocessing

SIDE_PX = 16


def write_model(path: Path) -> Path:
    """A network that describes an image by its pixels, centred and of unit length."""
    info = ModelInfo("pixels", "1", Preprocessing(SIDE_PX, SIDE_PX, resize="area"), 3 * SIDE_PX**2, {"name": "none"})
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"], axis=1),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["flat", "mean"], ["centred"]),
        helper.make_node("ReduceL2", ["centred"], ["length"], axes=[1], keepdims=1),
        helper.make_node("Div", ["centred", "length"], ["descriptor"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["B", 3, SIDE_PX, SIDE_PX])
    descriptor = helper.make_tensor_value_info("descriptor", TensorProto.FLOAT, ["B", info.descriptor_dim])
    model = helper.make_model(
        helper.make_graph(nodes, "pixels", [image], [descriptor]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    onnx.save(model, str(path))
    return path
