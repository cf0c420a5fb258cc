# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A small real ONNX network that gives local features: bright corners of a grid of cells, described by what is around.

The image is cut into cells of 8x8 pixels; the brightest pixel of each is a keypoint if it stands out from its cell, and
its descriptor is what a few random filters of 9x9 pixels say there. The best M of all cells are given. On request the
network describes the whole image too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vpr_ros.core.local_info import LOCAL_KEY, LocalInfo
from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.core.preprocess import Preprocessing

HEIGHT, WIDTH, DIM, KEYPOINTS = 48, 128, 16, 40
CELL, FILTER = 8, 9
WHOLE_DIM = 32


def local_info(
    height: int = HEIGHT, width: int = WIDTH, keypoints: int = KEYPOINTS, dim: int = DIM, name: str = "corners"
) -> LocalInfo:
    """Metadata that fits the model."""
    seen = Preprocessing(height, width, "area", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    return LocalInfo(name, "1", seen, keypoints, dim)


def whole_info(preprocessing: Preprocessing | None = None) -> ModelInfo:
    """Metadata of the descriptor that the same network gives of the whole image."""
    return ModelInfo("corners", "1", preprocessing or local_info().preprocessing, WHOLE_DIM, {"name": "linear"})


def write_local_model(
    path: Path,
    metadata: LocalInfo | None = None,
    *,
    whole: ModelInfo | None = None,
    batch: int | str = 1,
    seed: int = 0,
    noise: float = 0.0,
    with_metadata: bool = True,
    text: str | None = None,
    outputs: tuple[str, ...] = ("keypoints", "local_descriptors", "local_scores"),
) -> Path:
    """Write the network for the sizes of *metadata*; *text* stands in the file instead of it, if given.

    Args:
        path: where to.
        metadata: of the local features.
        whole: with it the network has the output ``descriptor`` too, made of the dense one, and this as its metadata.
        batch: images it takes at once, or the name of a free size.
        seed: of the filters.
        noise: added to the local descriptors' filters, as rounding to less precision would.
        with_metadata: of the local features.
        text: see above.
        outputs: of the local ones, those that it gives.
    """
    info = metadata or local_info()
    height, width = info.preprocessing.height_px, info.preprocessing.width_px
    filters = np.random.default_rng(seed).standard_normal((info.dim, 3, FILTER, FILTER)).astype(np.float32)
    filters += noise * np.random.default_rng(seed + 1).standard_normal(filters.shape).astype(np.float32)
    filters -= filters.mean(axis=(2, 3), keepdims=True)
    constants: dict[str, np.ndarray] = {  # type: ignore[type-arg]
        "filters": filters,
        "third": np.full((1, 3, 1, 1), 1 / 3, np.float32),
        "flat": np.array([-1, height * width], np.int64),
        "flat_dense": np.array([-1, info.dim, height * width], np.int64),
        "most": np.array([info.keypoints], np.int64),
        "width": np.array(width, np.int64),
        "last": np.array([2], np.int64),
        "row": np.array([1], np.int64),
        "each": np.array([1, info.dim, 1], np.int64),
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
        make("Unsqueeze", ["index", "row"], ["index_row"]),
        make("Expand", ["index_row", "each"], ["index_rows"]),
        make("GatherElements", ["dense_rows", "index_rows"], ["described"], axis=2),
        make("Transpose", ["described"], ["local_descriptors"], perm=[0, 2, 1]),
    ]
    shapes: dict[str, list[int | str]] = {
        "keypoints": [batch, info.keypoints, 2],
        "local_descriptors": [batch, info.keypoints, info.dim],
        "local_scores": [batch, info.keypoints],
    }
    props = {LOCAL_KEY: text or info.to_json()} if with_metadata else {}
    if whole is not None:
        pooled = 3 * (height // CELL) * (width // CELL)
        matrix = np.random.default_rng(7).standard_normal((pooled, whole.descriptor_dim))
        constants["matrix"] = matrix.astype(np.float32)
        nodes += [
            make("AveragePool", ["image"], ["pooled"], kernel_shape=[CELL] * 2, strides=[CELL] * 2),
            make("Flatten", ["pooled"], ["pooled_row"]),
            make("MatMul", ["pooled_row", "matrix"], ["descriptor"]),
        ]
        shapes["descriptor"] = [batch, whole.descriptor_dim]
        outputs = ("descriptor", *outputs)
        props[METADATA_KEY] = whole.to_json()
    graph = helper.make_graph(
        nodes,
        "corners",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, height, width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if props:
        helper.set_model_props(model, props)
    onnx.save(model, str(path))
    return path
