# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model with keypoints as one network: descriptor and local features in one run."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from torch import Tensor, nn

from vpr_ros.core.local_info import LocalInfo
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models.keypoint_cells import CELL_PX
from vpr_ros.models.keypoint_head import KeypointHead
from vpr_ros.models.place_model import PlaceModel

PREFIX = "model."
"""Of the names of all weights in ``WithKeypoints``; the exported file has them without."""


class WithKeypoints(nn.Module):
    """Gives what a robot asks for, in the order of the exported file's outputs."""

    def __init__(self, model: PlaceModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, 3, H, W) -> descriptor (B, D), keypoints (B, M, 2), their descriptors (B, M, C), their scores (B, M)."""
        descriptors, chosen = self.model.with_keypoints(images)
        return descriptors, *chosen


def local_info_of(model: PlaceModel, preprocessing: Preprocessing, version: str) -> LocalInfo | None:
    """What an export says of its local features; None for a model without keypoints."""
    head = model.local_head
    if not isinstance(head, KeypointHead):
        return None
    cells = (preprocessing.height_px // CELL_PX) * (preprocessing.width_px // CELL_PX)
    return LocalInfo(model.config.name, version, preprocessing, min(head.keypoints, cells), head.dim)


def without_prefix(model: onnx.ModelProto) -> None:
    """Give the weights the names they have in the place model itself."""
    for tensor in model.graph.initializer:
        tensor.name = tensor.name.removeprefix(PREFIX)
    for node in model.graph.node:
        node.input[:] = [name.removeprefix(PREFIX) for name in node.input]


def local_only(model: onnx.ModelProto, descriptor: str) -> list[str]:
    """Names of the nodes that only local features need: they are few, and positions want every digit."""
    makers = {name: node for node in model.graph.node for name in node.output}
    wanted = {id(node) for node in _before([descriptor], makers)}
    outputs = [value.name for value in model.graph.output if value.name != descriptor]
    return [node.name for node in _before(outputs, makers) if id(node) not in wanted]


def _before(outputs: list[str], makers: dict[str, onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Every node that one of the *outputs* depends on, once."""
    seen: set[str] = set()
    left = list(outputs)
    while left:
        name = left.pop()
        node = makers.get(name)
        if node is None or name in seen:
            continue
        seen.update(node.output)
        left.extend(node.input)
        yield node
