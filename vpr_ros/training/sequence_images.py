# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Image sequences in memory, for training without labels.

Layout: an ``INDEX.csv`` with the columns ``owner,repo,sequence`` and the images of a sequence in
``OWNER__REPO/SEQUENCE/``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.files import read_text
from vpr_ros.core.frames import ImageRgb
from vpr_ros.sources.image_file import IMAGE_SUFFIXES


def load_sequences(
    index: Path, size_px: tuple[int, int], read_image: Callable[[Path], ImageRgb]
) -> npt.NDArray[np.uint8]:
    """Read every image of every sequence: (N, H, W, 3) uint8 at *size_px* (height, width).

    Raises:
        TrainingError: the index, a column, a folder or every image is missing.
    """
    return np.stack([_fit(read_image(file), size_px) for file in sequence_files(index)])


def sequence_files(index: Path) -> list[Path]:
    """Every image of every sequence.

    Raises:
        TrainingError: the index, a column, a folder or every image is missing.
    """
    files = [
        file
        for folder in _sequence_folders(index)
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in IMAGE_SUFFIXES
    ]
    if not files:
        raise TrainingError(f"{index} names no sequence with an image", "Check the layout in docs/datasets.md")
    return files


def _sequence_folders(index: Path) -> list[Path]:
    if not index.is_file():
        raise TrainingError(f"no sequence index at {index}", "Give the path of an INDEX.csv (docs/datasets.md)")
    reader = csv.DictReader(io.StringIO(read_text(index, TrainingError), newline=""))
    missing = {"owner", "repo", "sequence"} - set(reader.fieldnames or ())
    if missing:
        raise TrainingError(f"{index} has no column {sorted(missing)}", "See the layout in docs/datasets.md")
    folders = [index.parent / f"{row['owner']}__{row['repo']}" / (row["sequence"] or "") for row in reader]
    absent = [str(folder) for folder in folders if not folder.is_dir()]
    if absent:
        raise TrainingError(f"{index} names {len(absent)} folders that do not exist, first {absent[0]}", "Add them")
    return folders


def _fit(image_rgb: ImageRgb, size_px: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Upright images lose top and bottom; wide ones are squeezed as the robot's preprocessing squeezes them."""
    height, width = image_rgb.shape[:2]
    kept = min(height, round(width * size_px[0] / size_px[1])) if height > width else height
    top = (height - kept) // 2
    resized = cv2.resize(image_rgb[top : top + kept], (size_px[1], size_px[0]), interpolation=cv2.INTER_AREA)
    return resized.astype(np.uint8, copy=False)
