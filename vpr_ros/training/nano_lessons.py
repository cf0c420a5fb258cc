"""What ``vpr_nano`` learns from: photographs, simulated towns under several skies, and a teacher's answers to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.nano import NanoBackbone
from vpr_ros.sources.image_file import read_image
from vpr_ros.training.dense_teacher import DenseTeacher, Features, teach
from vpr_ros.training.distillation import Lessons
from vpr_ros.training.sequence_images import load_sequences
from vpr_ros.training.town_views import TownViews, render_views

Progress = Callable[[str, int, int], None]
"""Hears what is being done, how much is done, and of how much."""


def prepare_lessons(
    index: Path,
    towns: TownViews,
    size_px: tuple[int, int],
    open_teacher: Callable[[], DenseTeacher],
    folder: Path,
    progress: Progress,
) -> Lessons:
    """Read photographs, render towns, and ask the teacher, unless an earlier run left its answers in *folder*.

    Args:
        index: of image sequences, see ``load_sequences``.
        towns: see ``TownViews``; the teacher sees the first condition only.
        size_px: height and width.
        open_teacher: called where its answers are not there yet.
        folder: of the run.
        progress: see there.

    Raises:
        TrainingError: no images, or answers of other images in *folder*.
        ConfigError: unknown conditions.
    """
    photographs = load_sequences(index, size_px, read_image)
    views = render_views(towns, size_px, lambda done, total: progress("towns rendered", done, total))
    taught = np.concatenate((photographs, views[0]))
    features, reliability = _teacher_answers(taught, open_teacher, folder, progress)
    rows = np.arange(len(taught), dtype=np.int64)
    other_skies = np.tile(rows[len(photographs) :], len(views) - 1)
    return Lessons(
        np.concatenate((taught, views[1:].reshape(-1, *views.shape[2:]))),
        features,
        reliability,
        np.concatenate((rows, other_skies)),
    )


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
        np.save(file, array, allow_pickle=False)
    return features, reliability
