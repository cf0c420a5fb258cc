# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A third-party ONNX network that gives dense local features, as a teacher for distillation.

Its answers are computed once per image and kept in half precision: on a CPU the teacher would otherwise cost more
than the student's own training step.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx.utils import extract_model

from vpr_ros.core.errors import TrainingError

Features = npt.NDArray[np.float16]


class DenseTeacher:
    """Frozen dense features and their reliability.

    Args:
        path: ONNX file whose input is (1, 3, H, W) RGB on the 0..1 scale.
        features, reliability: names of the outputs (1, C, h, w) and (1, 1, h, w).

    Raises:
        TrainingError: the file is missing or has no such outputs.
    """

    def __init__(self, path: Path, features: str, reliability: str) -> None:
        if not path.is_file():
            raise TrainingError(f"no teacher at {path}", "Give --teacher the ONNX file of a dense network")
        graph = onnx.load(str(path)).graph
        names = [output.name for output in graph.output]
        if not {features, reliability} <= set(names):
            raise TrainingError(
                f"{path} has the outputs {names}, not {features!r} and {reliability!r}",
                "Name the teacher's outputs in the recipe",
            )
        source = graph.input[0]
        self._input = source.name
        height, width = (int(d.dim_value) for d in source.type.tensor_type.shape.dim[2:])
        self._size = height, width
        with tempfile.TemporaryDirectory() as folder:
            # Heads that nobody asked for stay out: here they cost more than the features.
            part = Path(folder) / "teacher.onnx"
            extract_model(str(path), str(part), [source.name], [features, reliability])
            self._session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])

    def __call__(self, image_rgb: npt.NDArray[np.uint8], grid: tuple[int, int]) -> tuple[Features, Features]:
        """(H, W, 3) uint8 -> unit features (C, rows, columns) and reliability (rows, columns) on *grid*."""
        seen, share = _fitted(image_rgb, self._size)
        batch = seen.transpose(2, 0, 1)[None].astype(np.float32) / 255.0
        features, reliability = self._session.run(None, {self._input: batch})
        rows, columns = (round(side * kept) for side, kept in zip(features.shape[2:], share, strict=True))
        features, reliability = features[..., :rows, :columns], reliability[..., :rows, :columns]
        unit = features[0] / np.maximum(np.linalg.norm(features[0], axis=0, keepdims=True), 1e-6)
        pooled = _to_grid(unit, grid)
        pooled /= np.maximum(np.linalg.norm(pooled, axis=0, keepdims=True), 1e-6)
        return pooled.astype(np.float16), _to_grid(reliability[0], grid)[0].astype(np.float16)


def _fitted(
    image_rgb: npt.NDArray[np.uint8], size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], tuple[float, float]]:
    """Scale an image into *size* without changing its shape, mirror it into what is left, and say what it covers.

    Mirrored, because black borders would change the mean by which such networks normalise an image.
    """
    height, width = image_rgb.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    inside = round(scale * height), round(scale * width)
    scaled = cv2.resize(image_rgb, inside[::-1], interpolation=cv2.INTER_LINEAR)
    below, right = size[0] - inside[0], size[1] - inside[1]
    bordered = cv2.copyMakeBorder(scaled, 0, below, 0, right, cv2.BORDER_REFLECT)
    return bordered.astype(np.uint8, copy=False), (inside[0] / size[0], inside[1] / size[1])


def teach(
    teacher: DenseTeacher,
    images: npt.NDArray[np.uint8],
    grid: tuple[int, int],
    progress: Callable[[int, int], None],
) -> tuple[Features, Features]:
    """Features (N, C, rows, columns) and reliability (N, rows, columns) of (N, H, W, 3) images."""
    answers = []
    for number, image in enumerate(images):
        answers.append(teacher(image, grid))
        progress(number + 1, len(images))
    return np.stack([a[0] for a in answers]), np.stack([a[1] for a in answers])


def _to_grid(channels: npt.NDArray[np.float32], grid: tuple[int, int]) -> npt.NDArray[np.float32]:
    rows = [cv2.resize(channel, grid[::-1], interpolation=cv2.INTER_AREA) for channel in channels]
    return np.stack(rows).astype(np.float32, copy=False)
