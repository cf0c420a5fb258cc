# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What every source of label maps offers."""

from __future__ import annotations

from typing import Protocol

from vpr_ros.core.frames import ImageRgb
from vpr_ros.training.labels.grouping import GroupMap, LabelGroup


class LabelMaps(Protocol):
    """Label maps of images, from any worker process."""

    @property
    def groups(self) -> tuple[LabelGroup, ...]:
        """Their place in this tuple is the number in a map."""

    @property
    def sha256(self) -> str:
        """Hash of segmenter and grouping: equal where the maps are."""

    def of(self, name: str, image_rgb: ImageRgb) -> GroupMap:
        """The (H, W) uint8 group numbers of an image, of its own size.

        Args:
            name: the image's, as ``LabelledImages`` gives it.
            image_rgb: (H, W, 3) uint8, whole: before crop, resize and augmentation.

        Raises:
            TrainingError: no label, or one that does not fit.
            ModelError: the segmenter's answer does not fit.
        """
