# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What ``vpr_nano`` learns from: photographs, and a teacher's answers to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import TrainingError
from vpr_ros.models.nano import NanoBackbone
from vpr_ros.sources.image_file import read_image
from vpr_ros.training.dense_teacher import DenseTeacher, Features, teach
from vpr_ros.training.distillation import Lessons
from vpr_ros.training.sequence_images import load_sequences

Progress = Callable[[str, int, int], None]
"""Hears what is being done, how much is done, and of how much."""


def prepare_lessons(
    index: Path,
    size_px: tuple[int, int],
    open_teacher: Callable[[], DenseTeacher],
    folder: Path,
    progress: Progress,
) -> Lessons:
    """Read photographs and ask the teacher, unless an earlier run left its answers in *folder*.

    Args:
        index: of image sequences, see ``load_sequences``.
        size_px: height and width.
        open_teacher: called where its answers are not there yet.
        folder: of the run.
        progress: see there.

    Raises:
        TrainingError: no images, or answers of other images in *folder*.
    """
    photographs = load_sequences(index, size_px, read_image)
    features, reliability = _teacher_answers(photographs, open_teacher, folder, progress)
    return Lessons(photographs, features, reliability)


def _teacher_answers(
    images: npt.NDArray[np.uint8], open_teacher: Callable[[], DenseTeacher], folder: Path, progress: Progress
) -> tuple[Features, Features]:
    grid = NanoBackbone().grid(*images.shape[1:3])
    kept = [folder / name for name in ("teacher_features.npy", "teacher_reliability.npy")]
    if all(file.is_file() for file in kept):
        features, reliability = (np.load(file, mmap_mode="r", allow_pickle=False) for file in kept)
        if features.shape[0] != len(images) or features.shape[2:] != grid:
            raise TrainingError(
                f"{kept[0]} is of {features.shape[0]} images on a grid {features.shape[2:]}, "
                f"the recipe gives {len(images)} on {grid}",
                "Remove it, or choose another --output",
            )
        return features, reliability
    features, reliability = teach(
        open_teacher(), images, grid, lambda done, total: progress("images taught", done, total)
    )
    for file, array in zip(kept, (features, reliability), strict=True):
        with new_file(file, TrainingError) as part:
            np.save(part, array, allow_pickle=False)
    return features, reliability
