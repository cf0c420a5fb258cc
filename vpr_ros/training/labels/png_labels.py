# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Label maps that somebody already wrote as PNGs, in folders like those of the images."""

from __future__ import annotations

import logging
import os
from functools import cached_property
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.hashing import json_sha256
from vpr_ros.training.labels.grouping import GroupMap, LabelGroup, LabelGrouping
from vpr_ros.training.labels.label_png import read_label_png

_LOG = logging.getLogger(__name__)


class PngLabels:
    """Class numbers in PNG files; ``images/a/b.jpg`` is labelled by ``labels/a/b.png``.

    Args:
        labels: folder of the PNGs.
        images: folder that the images lie below in the same way.
        grouping: of the class numbers.
        suffix: what a label's name has instead of the image's suffix.
        shift: added to the numbers in the PNGs; -1 where a data set counts from 1.
        missing: group for all pixels of an image without a PNG; None refuses such images.
        stretch: bring maps of another size to the image's, by the nearest pixel.

    Raises:
        TrainingError: no such folder.
        ConfigError: no such group.
    """

    def __init__(
        self,
        labels: Path,
        images: Path,
        grouping: LabelGrouping,
        suffix: str = ".png",
        shift: int = 0,
        missing: str | None = None,
        stretch: bool = False,
    ) -> None:
        for folder in (labels, images):
            if not folder.is_dir():
                raise TrainingError(f"there is no folder {folder}", "Check `labels` and `images` of the recipe")
        self._labels, self._images, self._grouping = labels, images, grouping
        self._suffix, self._shift, self._stretch = suffix, shift, stretch
        self._missing = None if missing is None else grouping.group_number(missing)
        self._missed = 0

    @property
    def groups(self) -> tuple[LabelGroup, ...]:
        """See ``LabelMaps.groups``."""
        return self._grouping.groups

    @cached_property
    def sha256(self) -> str:
        """Of grouping, options, and the names and sizes of all PNGs; their content would take an hour to read."""
        files = sorted(path for path in self._labels.rglob(f"*{self._suffix}") if path.is_file())
        return json_sha256(
            {
                "labels": [[path.relative_to(self._labels).as_posix(), path.stat().st_size] for path in files],
                "grouping": self._grouping.sha256,
                "options": [self._suffix, self._shift, self._missing, self._stretch],
            }
        )

    def of(self, name: str, image_rgb: ImageRgb) -> GroupMap:
        """Read the PNG of an image; see ``LabelMaps.of``.

        Args:
            name: the image's path, or its path below ``images``.
            image_rgb: (H, W, 3).
        """
        path = self._path(name)
        size_px = image_rgb.shape[0], image_rgb.shape[1]
        if not path.is_file():
            return self._without(name, path, size_px)
        classes = read_label_png(path, size_px, stretch=self._stretch)
        if self._shift:
            classes = classes.astype(np.int32) + self._shift
        return self._grouping.groups_of(classes, str(path))

    def _path(self, name: str) -> Path:
        images = os.path.abspath(self._images)  # noqa: PTH100  # resolving would leave the folder through a link
        here = os.path.abspath(name)  # noqa: PTH100
        if os.path.commonpath([images, here]) == images:
            name = os.path.relpath(here, images)
        elif Path(name).is_absolute():
            raise TrainingError(
                f"the image {name} does not lie below {self._images}", "Give the folder of all images as `images`"
            )
        return (self._labels / name).with_name(Path(name).stem + self._suffix)

    def _without(self, name: str, path: Path, size_px: tuple[int, int]) -> GroupMap:
        if self._missing is None:
            raise TrainingError(
                f"the image {name} has no label map {path}",
                "Write it, or name a group for all pixels of images without one as `missing`",
            )
        if not self._missed:
            group = self.groups[self._missing].name
            _LOG.warning("%s has no label map %s; it and all others without one are %r", name, path, group)
        self._missed += 1
        return np.full(size_px, self._missing, dtype=np.uint8)
