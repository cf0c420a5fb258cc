# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An image list, each image with its label map: how everybody loads both."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from vpr_ros.core.frames import ImageRgb
from vpr_ros.training.image_sets import ImageFiles, ImageList, origin
from vpr_ros.training.labels.grouping import GroupMap
from vpr_ros.training.labels.label_maps import LabelMaps
from vpr_ros.training.labels.own_labels import LabelledRecord, OwnLabels
from vpr_ros.training.posed_images import FrameImages


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
        images, own = origin(self._images, index)
        if isinstance(self._labels, OwnLabels) and isinstance(images, FrameImages):
            record = images.records[own]
            if isinstance(record, LabelledRecord):
                image_rgb, classes = record.load_labelled()
                return image_rgb, self._labels.of_classes(record.name, image_rgb, classes)
        # Numbered images of two folders share their names: where there is a file, its path tells them apart.
        name = str(images.root / images.name(own)) if isinstance(images, ImageFiles) else images.name(own)
        image_rgb = images.load(own)
        return image_rgb, self._labels.of(name, image_rgb)

    def make(self, progress: Callable[[int, int], None]) -> Mapping[str, float]:
        """Load every image and map once: what is wrong shows, and a segmenter's maps are on disk, before training.

        Args:
            progress: hears how many are done, and how many there are.

        Returns:
            The share of all pixels that each group has.

        Raises:
            VprError: see ``load``.
        """
        names = [group.name for group in self._labels.groups]
        pixels = np.zeros(len(names), dtype=np.int64)
        for index in range(len(self)):
            pixels += np.bincount(self.load(index)[1].ravel(), minlength=len(names))
            progress(index + 1, len(self))
        return dict(zip(names, (pixels / max(1, pixels.sum())).tolist(), strict=True))
