# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An image list, each image with its label map: how everybody loads both."""

from __future__ import annotations

from vpr_ros.core.frames import ImageRgb
from vpr_ros.training.image_sets import ImageList
from vpr_ros.training.labels.grouping import GroupMap
from vpr_ros.training.labels.label_maps import LabelMaps


class LabelledImages:
    """Images with label maps, decoded when asked for, from any worker process.

    Args:
        images: an image list.
        labels: where the maps come from.
    """

    def __init__(self, images: ImageList, labels: LabelMaps) -> None:
        self._images = images
        self._labels = labels

    def __len__(self) -> int:
        return len(self._images)

    def name(self, index: int) -> str:
        """Return the image's name."""
        return self._images.name(index)

    def load(self, index: int) -> tuple[ImageRgb, GroupMap]:
        """Decode one image (H, W, 3) uint8, and its group numbers (H, W) uint8.

        Raises:
            FrameDecodeError: the image does not decode.
            TrainingError, ModelError: see ``LabelMaps.of``.
        """
        image_rgb = self._images.load(index)
        return image_rgb, self._labels.of(self._images.name(index), image_rgb)
