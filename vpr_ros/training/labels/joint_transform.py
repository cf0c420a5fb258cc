# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An image and its label map to tensors, both cut, resized and moved alike."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import PILLOW_FILTERS, Preprocessing
from vpr_ros.training.labels.grouping import GroupMap
from vpr_ros.training.labels.one_hot import OUTSIDE
from vpr_ros.training.transforms import Augmentation, TrainTransform


def resized_labels(groups: GroupMap, preprocessing: Preprocessing) -> GroupMap:
    """(H, W) -> (height_px, width_px): the same window as of the image, the nearest pixel of it."""
    height, width = groups.shape
    left, top, window_width, window_height = preprocessing.window(width, height)
    window = groups[top : top + window_height, left : left + window_width]
    size = (preprocessing.width_px, preprocessing.height_px)
    return np.array(Image.fromarray(np.ascontiguousarray(window)).resize(size, PILLOW_FILTERS.NEAREST))


def prepared(preprocessing: Preprocessing, image_rgb: ImageRgb, groups: GroupMap) -> tuple[Tensor, Tensor]:
    """Without augmentation, as for describing: (3, height, width) float32 and (height, width) uint8.

    Raises:
        TrainingError: image and map differ in size.
    """
    _check_sizes(image_rgb, groups)
    return torch.from_numpy(preprocessing.batch([image_rgb])[0]), torch.from_numpy(
        resized_labels(groups, preprocessing)
    )


class JointTransform:
    """``TrainTransform`` for an image and its label map; the same arguments give the same image, bit for bit.

    Args:
        preprocessing, augmentation, size_px: see ``TrainTransform``.
    """

    def __init__(
        self, preprocessing: Preprocessing, augmentation: Augmentation, size_px: tuple[int, int] | None = None
    ) -> None:
        self._transform = TrainTransform(preprocessing, augmentation, size_px)

    @property
    def preprocessing(self) -> Preprocessing:
        """What training resizes and normalises with."""
        return self._transform.preprocessing

    def __call__(self, image_rgb: ImageRgb, groups: GroupMap, seed: int) -> tuple[Tensor, Tensor]:
        """Cut, resize and augment both, normalise the image.

        Args:
            image_rgb: (H, W, 3) uint8.
            groups: (H, W) uint8.
            seed: of window and augmentation.

        Returns:
            (3, height, width) float32 and (height, width) uint8, ``OUTSIDE`` where the augmentation left nothing.

        Raises:
            TrainingError: image and map differ in size.
        """
        _check_sizes(image_rgb, groups)
        image, moves = self._transform.with_moves(image_rgb, seed)
        top, left, height, width = moves.window
        small = resized_labels(groups[top : top + height, left : left + width], self.preprocessing)
        return image, torch.from_numpy(moves.moved(small, OUTSIDE))


def _check_sizes(image_rgb: ImageRgb, groups: GroupMap) -> None:
    if image_rgb.shape[:2] != groups.shape:
        raise TrainingError(
            f"an image of {image_rgb.shape[:2]} pixels has a label map of {groups.shape}",
            "Give label maps of their images' own size",
        )
