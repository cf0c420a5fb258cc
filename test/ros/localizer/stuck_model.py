# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A real ONNX model that answers every picture but a white one, from which it never returns."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
from harness import TextureSource, image_message
from onnx import TensorProto, helper, numpy_helper
from sensor_msgs.msg import Image

from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.inference import open_extractor
from vpr_ros.mapping import BuildConfig, build_map

HEIGHT, WIDTH, CELL, DIM = 48, 64, 8, 32
BRIGHT = 1.5
"""Mean of the normalised input: a white picture has 2.2 or more, no texture comes near."""
FOR_EVER = 1 << 62


def write_stuck_model(path: Path) -> Path:
    """Cells -> random matrix -> descriptor; before that a loop that runs 0 times, or for ever."""
    cells = 3 * (HEIGHT // CELL) * (WIDTH // CELL)
    weight = np.random.default_rng(0).standard_normal((cells, DIM)).astype(np.float32)
    constants = {
        "weight": weight,
        "bright": np.float32(BRIGHT),
        "never": np.int64(0),
        "for_ever": np.int64(FOR_EVER),
        "go_on": np.bool_(True),
        "zero": np.float32(0.0),
    }
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Greater", ["mean", "bright"], ["is_bright"]),
        helper.make_node("Where", ["is_bright", "for_ever", "never"], ["times"]),
        helper.make_node("Loop", ["times", "go_on", "zero"], ["nothing"], body=_body()),
        helper.make_node("AveragePool", ["image"], ["pooled"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["product"]),
        helper.make_node("Add", ["product", "nothing"], ["descriptor"]),
    ]
    graph = helper.make_graph(
        nodes,
        "stuck",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("descriptor", TensorProto.FLOAT, ["batch", DIM])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    info = ModelInfo("stuck", "1", Preprocessing(HEIGHT, WIDTH), DIM, {"name": "linear"})
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    onnx.save(model, str(path))
    return path


def _body() -> onnx.GraphProto:
    """Add zero to what was carried in, and go on."""
    return helper.make_graph(
        [
            helper.make_node("Identity", ["condition_in"], ["condition_out"]),
            helper.make_node("Add", ["carried_in", "carried_in"], ["carried_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("condition_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried_in", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("condition_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried_out", TensorProto.FLOAT, []),
        ],
    )


def make_stuck_map(folder: Path) -> tuple[Path, Path]:
    """A map of textures by that model, and the model."""
    model = write_stuck_model(folder / "stuck.onnx")
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, radius_m=1.0)
    build_map(TextureSource(), open_extractor(model), folder / "map", config)
    return folder / "map", model


def white() -> Image:
    """The picture from which the model does not return."""
    return image_message(np.full((240, 320, 3), 255, np.uint8), time.time_ns())
