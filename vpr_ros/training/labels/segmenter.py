# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a segmentation network is to us, and its answer to class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.core.files import read_text
from vpr_ros.core.frames import ImageRgb
from vpr_ros.training.labels.grouping import LabelGrouping

ClassMap = npt.NDArray[Any]


class Segmenter(Protocol):
    """A network that says what each pixel shows."""

    @property
    def description(self) -> str:
        """For people."""

    @property
    def sha256(self) -> str:
        """Hash of all that its answers depend on."""

    @property
    def class_count(self) -> int | None:
        """How many classes it knows; None where it does not say."""

    def classes(self, image_rgb: ImageRgb) -> ClassMap:
        """(H, W, 3) uint8 -> (H, W) class numbers of an integer type.

        Raises:
            ModelError: it fails, or answers something else.
        """


def fitting_grouping(grouping: LabelGrouping, segmenter: Segmenter, class_names: Sequence[str]) -> LabelGrouping:
    """The grouping for a segmenter, counted as it counts where its classes are named.

    Raises:
        ConfigError: it has another number of classes than names or grouping.
    """
    count = segmenter.class_count
    if class_names:
        if count not in (None, len(class_names)):
            raise ConfigError(
                f"{segmenter.description} has {count} classes, its names are {len(class_names)}",
                "Give one name for each class, in the network's order",
            )
        return grouping.renumbered(class_names)
    if count is not None and count not in grouping.class_counts:
        raise ConfigError(
            f"{segmenter.description} has {count} classes, {grouping.origin} lists {grouping.class_counts[0]}",
            "Choose the grouping of the data set it was trained on, or name its classes (class_names)",
        )
    return grouping


def read_class_names(path: Path) -> tuple[str, ...]:
    """One name in each line, in the network's order.

    Raises:
        ConfigError: no such file, or no names.
    """
    names = tuple(line.strip() for line in read_text(path).strip().splitlines())
    if not names or not all(names):
        raise ConfigError(f"{path} has {'an empty line' if names else 'no class names'}", "Write one name in each line")
    return names


def most_likely(logits: npt.NDArray[Any], size_px: tuple[int, int]) -> ClassMap:
    """The largest of C logits at each pixel: (C, h, w) of any float -> (height, width) uint16.

    Logits are enlarged before they are compared, one channel at a time: 150 of them fill a gigabyte.
    """
    height, width = size_px
    best = np.full(size_px, -np.inf, dtype=np.float32)
    classes = np.zeros(size_px, dtype=np.uint16)
    for number, channel in enumerate(logits):
        plane = channel.astype(np.float32, copy=False)
        if plane.shape != size_px:
            plane = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        better = plane > best
        best[better] = plane[better]
        classes[better] = number
    return classes


def nearest(classes: ClassMap, size_px: tuple[int, int]) -> ClassMap:
    """Bring class numbers (h, w) to another size: the number at the centre of each new pixel."""
    if classes.shape == size_px:
        return classes
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.int64) for new, old in zip(size_px, classes.shape, strict=True)
    )
    return classes[rows[:, None], columns]


def check_finite(logits: npt.NDArray[Any], what: str) -> None:
    """Refuse logits that are no numbers: their largest is class 0 everywhere.

    Raises:
        ModelError: there are some.
    """
    if not np.isfinite(logits).all():
        raise ModelError(f"{what} answers with numbers that are not finite", "Check its file, or run it in float32")
