# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The teacher of a local head: a frozen network with keypoints in cells of 8 x 8 pixels, such as XFeat or SuperPoint.

What it says of an image is cut to the image's own cells, so that teacher and student answer for the same pixels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from onnx.utils import extract_model
from torch import Tensor
from torch.nn import functional

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.keypoint_cells import CELL_PX


@dataclass(frozen=True, eq=False)
class Answers:
    """Of a batch of images of H x W pixels; h, w are H // 8, W // 8.

    Attributes:
        cells: (B, 64 + 1, h, w) probability of each pixel of a cell, row by row, and of none.
        descriptors: (B, C, h, w) of unit length; None where the student has its own.
        reliability: (B, h, w) 0..1; None where the student has its own.
    """

    cells: Tensor
    descriptors: Tensor | None = None
    reliability: Tensor | None = None


class KeypointTeacher:
    """Answers for images of any size up to its own.

    Args:
        path: ONNX file whose input is (1, 3, H, W) RGB on the 0..1 scale, of a fixed size.
        outputs: names of ``keypoints`` (1, 65, H/8, W/8), logits; and of ``features`` (1, C, H/8, W/8) and
            ``reliability`` (1, 1, H/8, W/8).
        dense: also ask for features and reliability.

    Attributes:
        features: C, how many numbers its features have; None where they are not asked for.

    Raises:
        TrainingError: the file is missing, has no such outputs, or not of these shapes.
    """

    def __init__(self, path: Path, outputs: Mapping[str, str], *, dense: bool) -> None:
        if not path.is_file():
            raise TrainingError(f"no teacher at {path}", "Give --teacher the ONNX file of a network with keypoints")
        graph = _graph(path)
        wanted = [outputs[name] for name in ("keypoints", *(("features", "reliability") if dense else ()))]
        shapes = {o.name: [d.dim_value for d in o.type.tensor_type.shape.dim] for o in graph.output}
        size = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim]
        grid = [side // CELL_PX for side in size[2:]]
        found = [shapes[name][1:] for name in {*wanted} if name in shapes]
        are_maps = len(found) == len(wanted) and all(shape[1:] == grid for shape in found)
        if not are_maps or shapes[wanted[0]][1] != CELL_PX**2 + 1:
            raise TrainingError(
                f"{path} takes {size} and gives {shapes}, expected {', '.join(wanted)}, each its own, of {grid} "
                f"places, and of the first {CELL_PX**2 + 1} numbers",
                "Name the teacher's outputs in the recipe; a network whose input size is free needs a fixed one",
            )
        self.features = shapes[wanted[1]][1] if dense else None
        self._wanted, self._input = wanted, graph.input[0].name
        self._height_px, self._width_px = size[2:]
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / "teacher.onnx"  # what nobody asked for stays out: features cost most
            try:
                extract_model(str(path), str(part), [self._input], wanted)
                self._session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
            except Exception as error:  # of onnx and of ONNX Runtime, which have no type in common
                raise TrainingError(
                    f"the teacher {path} cannot be run ({str(error).strip()[:200]})", "Export it again"
                ) from error

    def __call__(self, images: Tensor) -> Answers:
        """(B, 3, H, W) on the 0..1 scale -> what the teacher says of them.

        Raises:
            TrainingError: larger images than it takes.
        """
        height_px, width_px = images.shape[2:]
        if height_px > self._height_px or width_px > self._width_px:
            raise TrainingError(
                f"images of {height_px}x{width_px} for a teacher of {self._height_px}x{self._width_px}",
                "Give a model with a smaller input, or a teacher with a larger one",
            )
        rows, columns = height_px // CELL_PX, width_px // CELL_PX
        of_each = [self._session.run(self._wanted, {self._input: self._filled(image)}) for image in images]
        parts = [torch.from_numpy(np.concatenate(found)[:, :, :rows, :columns]) for found in zip(*of_each, strict=True)]
        cells = torch.softmax(parts[0], dim=1)
        if len(parts) == 1:
            return Answers(cells)
        return Answers(cells, functional.normalize(parts[1], dim=1), parts[2].squeeze(1))

    def _filled(self, image: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """(3, H, W) -> (1, 3, H', W'): mirrored into what is left, as black would change the mean."""
        pixels = image.permute(1, 2, 0).numpy()
        below, right = self._height_px - pixels.shape[0], self._width_px - pixels.shape[1]
        filled = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REFLECT)
        return np.ascontiguousarray(filled.transpose(2, 0, 1)[None], dtype=np.float32)


def _graph(path: Path) -> onnx.GraphProto:
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf's errors have no type in common
        raise TrainingError(f"{path} is no ONNX file ({str(error)[:200]})", "Give --teacher another file") from error
    if len(graph.input) != 1:
        raise TrainingError(f"{path} has {len(graph.input)} inputs, expected one of images", "Give another teacher")
    return graph
