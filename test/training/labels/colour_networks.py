# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Segmentation networks of one matrix product: class 0 is red, 1 green, 2 blue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

RED, GREEN, BLUE = range(3)


def colour_image(classes: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """(H, W) classes -> (H, W, 3) in their colours."""
    return np.asarray(255 * np.eye(3, dtype=np.uint8)[classes])


def write_network(
    path: Path,
    size: tuple[int | str, int | str] = ("h", "w"),
    *,
    answer: str = "logits",
    channels_last: bool = False,
    kind: int = TensorProto.FLOAT,
    outputs: tuple[str, ...] = ("logits",),
    metadata: str | None = None,
    batch: int = 1,
) -> Path:
    """Write a network.

    Args:
        path: the file.
        size: of the input.
        answer: "logits" at half the size, "classes" at the size as int64, "mask" of one channel, or "whole" with
            classes as floats.
        channels_last: (1, h, w, 3) instead of (1, 3, h, w).
        kind: of the input's numbers.
        outputs: names that all give the answer.
        metadata: ``vpr_ros_segmenter`` entry.
        batch: images it takes at once.
    """
    channels = 1 if answer == "mask" else 3
    weights = np.eye(3, dtype=np.float32)[:channels, :, None, None]
    shape = [batch, *size, 3] if channels_last else [batch, 3, *size]
    stride = [2, 2] if answer in ("logits", "mask") else [1, 1]
    nodes = [helper.make_node("Cast", ["picture"], ["floats"], to=TensorProto.FLOAT)]
    here = "floats"
    if channels_last:
        nodes.append(helper.make_node("Transpose", [here], ["first"], perm=[0, 3, 1, 2]))
        here = "first"
    nodes.append(helper.make_node("Conv", [here, "weights"], ["scores"], strides=stride))
    here, ends = "scores", [batch, channels, None, None]
    if channels_last:
        nodes.append(helper.make_node("Transpose", [here], ["last"], perm=[0, 2, 3, 1]))
        here, ends = "last", [batch, None, None, channels]
    numbers = TensorProto.FLOAT
    if answer in ("classes", "whole"):
        axis = 3 if channels_last else 1
        nodes.append(helper.make_node("ArgMax", [here], ["classes"], axis=axis, keepdims=0))
        here, ends, numbers = "classes", [batch, None, None], TensorProto.INT64
    if answer == "whole":
        nodes.append(helper.make_node("Cast", [here], ["whole"], to=TensorProto.FLOAT))
        here, numbers = "whole", TensorProto.FLOAT
    nodes += [helper.make_node("Identity", [here], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("picture", kind, shape)],
        [helper.make_tensor_value_info(name, numbers, ends) for name in outputs],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if metadata is not None:
        helper.set_model_props(model, {"vpr_ros_segmenter": metadata})
    onnx.save(model, str(path))
    return path
