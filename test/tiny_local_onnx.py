# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A small real ONNX network that gives local features: bright corners of a grid of cells, described by what is around.

The image is cut into cells of 8x8 pixels; the brightest pixel of each is a keypoint if it stands out from its cell, and
its descriptor is what a few random filters of 9x9 pixels say there. The best M of all cells are given.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vpr_ros.core.local_info import LOCAL_KEY, LocalInfo
from vpr_ros.core.preprocess import Preprocessing

HEIGHT, WIDTH, DIM, KEYPOINTS = 48, 128, 16, 40
CELL, FILTER = 8, 9


def local_info(
    height: int = HEIGHT, width: int = WIDTH, keypoints: int = KEYPOINTS, dim: int = DIM, name: str = "corners"
) -> LocalInfo:
    """Metadata that fits the model."""
    seen = Preprocessing(height, width, "area", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    return LocalInfo(name, "1", seen, keypoints, dim)


def write_local_model(
    path: Path,
    metadata: LocalInfo | None = None,
    *,
    seed: int = 0,
    with_metadata: bool = True,
    text: str | None = None,
    outputs: tuple[str, ...] = ("keypoints", "local_descriptors", "local_scores"),
) -> Path:
    """Write the network for the sizes of *metadata*; *text* stands in the file instead of it, if given."""
    info = metadata or local_info()
    height, width = info.preprocessing.height_px, info.preprocessing.width_px
    filters = np.random.default_rng(seed).standard_normal((info.dim, 3, FILTER, FILTER)).astype(np.float32)
    filters -= filters.mean(axis=(2, 3), keepdims=True)
    constants: dict[str, np.ndarray] = {  # type: ignore[type-arg]
        "filters": filters,
        "third": np.full((1, 3, 1, 1), 1 / 3, np.float32),
        "flat": np.array([1, height * width], np.int64),
        "flat_dense": np.array([info.dim, height * width], np.int64),
        "most": np.array([info.keypoints], np.int64),
        "width": np.array(width, np.int64),
        "last": np.array([2], np.int64),
        "row": np.array([0], np.int64),
        "least": np.array(0.1, np.float32),
    }
    pads = [FILTER // 2] * 4
    make = helper.make_node
    nodes = [
        make("Conv", ["image", "third"], ["grey"], kernel_shape=[1, 1]),
        make("AveragePool", ["grey"], ["around"], kernel_shape=[FILTER, FILTER], pads=pads),
        make("Sub", ["grey", "around"], ["contrast"]),
        make("MaxPool", ["contrast"], ["highest"], kernel_shape=[CELL + 1, CELL + 1], pads=[CELL // 2] * 4),
        make("Equal", ["contrast", "highest"], ["is_peak"]),
        make("Greater", ["contrast", "least"], ["stands_out"]),
        make("And", ["is_peak", "stands_out"], ["is_keypoint"]),
        make("Cast", ["is_keypoint"], ["kept"], to=TensorProto.FLOAT),
        make("Mul", ["contrast", "kept"], ["score_map"]),
        make("Reshape", ["score_map", "flat"], ["score_row"]),
        make("TopK", ["score_row", "most"], ["local_scores", "index"], axis=1),
        make("Mod", ["index", "width"], ["x_whole"]),
        make("Div", ["index", "width"], ["y_whole"]),
        make("Cast", ["x_whole"], ["x"], to=TensorProto.FLOAT),
        make("Cast", ["y_whole"], ["y"], to=TensorProto.FLOAT),
        make("Unsqueeze", ["x", "last"], ["x_last"]),
        make("Unsqueeze", ["y", "last"], ["y_last"]),
        make("Concat", ["x_last", "y_last"], ["keypoints"], axis=2),
        make("Conv", ["image", "filters"], ["dense"], kernel_shape=[FILTER, FILTER], pads=pads),
        make("Reshape", ["dense", "flat_dense"], ["dense_rows"]),
        make("Squeeze", ["index", "row"], ["index_row"]),
        make("Gather", ["dense_rows", "index_row"], ["described"], axis=1),
        make("Transpose", ["described"], ["described_rows"], perm=[1, 0]),
        make("Unsqueeze", ["described_rows", "row"], ["local_descriptors"]),
    ]
    shapes = {
        "keypoints": [1, info.keypoints, 2],
        "local_descriptors": [1, info.keypoints, info.dim],
        "local_scores": [1, info.keypoints],
    }
    graph = helper.make_graph(
        nodes,
        "corners",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if with_metadata:
        helper.set_model_props(model, {LOCAL_KEY: text or info.to_json()})
    onnx.save(model, str(path))
    return path
