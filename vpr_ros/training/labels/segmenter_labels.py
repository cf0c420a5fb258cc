# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Label maps that a segmentation network makes, once for each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.hashing import json_sha256
from vpr_ros.training.labels.grouping import GroupMap, LabelGroup, LabelGrouping
from vpr_ros.training.labels.label_cache import LabelCache
from vpr_ros.training.labels.segmenter import Segmenter, fitting_grouping


class SegmenterLabels:
    """Label maps by a segmenter, kept in a ``LabelCache``.

    Args:
        segmenter: see there.
        grouping: of its classes.
        cache: folder for the maps of all segmenters.
        class_names: of the segmenter's classes in its order, where it does not count them as the grouping does.

    Raises:
        ConfigError: the grouping does not fit the segmenter.
        TrainingError: the disk refused.
    """

    def __init__(
        self, segmenter: Segmenter, grouping: LabelGrouping, cache: Path, class_names: Sequence[str] = ()
    ) -> None:
        self._segmenter = segmenter
        self._grouping = fitting_grouping(grouping, segmenter, class_names)
        self._sha256 = json_sha256({"segmenter": segmenter.sha256, "grouping": self._grouping.sha256})
        self._cache = LabelCache(cache, self._sha256, f"{segmenter.description}, grouped by {grouping.origin}")

    @property
    def groups(self) -> tuple[LabelGroup, ...]:
        """See ``LabelMaps.groups``."""
        return self._grouping.groups

    @property
    def sha256(self) -> str:
        """See ``LabelMaps.sha256``."""
        return self._sha256

    def of(self, name: str, image_rgb: ImageRgb) -> GroupMap:
        """See ``LabelMaps.of``."""
        return self._cache.of(name, image_rgb, lambda: self._made(name, image_rgb))

    def _made(self, name: str, image_rgb: ImageRgb) -> GroupMap:
        classes = self._segmenter.classes(image_rgb)
        if classes.shape != image_rgb.shape[:2]:
            raise ModelError(
                f"{self._segmenter.description} made a map of {classes.shape} for {name} of {image_rgb.shape[:2]}",
                "Name another output of the network",
            )
        return self._grouping.groups_of(classes, f"the map that {self._segmenter.description} made of {name}")
