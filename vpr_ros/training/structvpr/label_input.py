# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Label maps in the place of images: what the rest of the trainer needs to train and describe a SEG branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.training.labels.grouping import GroupMap
from vpr_ros.training.labels.joint_transform import JointTransform, resized_labels
from vpr_ros.training.labels.label_maps import LabelMaps
from vpr_ros.training.labels.one_hot import weighted_one_hot

Labelled = tuple[ImageRgb, GroupMap]
"""What ``LabelledImages.load`` gives."""


def group_weights(labels: LabelMaps) -> tuple[float, ...]:
    """What each channel of a weighted one-hot map holds."""
    return tuple(group.weight for group in labels.groups)


@dataclass(frozen=True)
class LabelPreprocessing(Preprocessing):
    """``Preprocessing`` of a SEG branch: (image, map) pairs to weighted one-hot maps; the nearest pixel is taken.

    Attributes:
        weights: of the G groups.
    """

    weights: tuple[float, ...] = ()

    @classmethod
    def beside(cls, preprocessing: Preprocessing, labels: LabelMaps) -> LabelPreprocessing:
        """The same window and size as of the images."""
        same = {field.name: getattr(preprocessing, field.name) for field in fields(preprocessing)}
        return cls(**{**same, "weights": group_weights(labels)})

    def batch(self, labelled: Sequence[Any]) -> npt.NDArray[np.float32]:
        """B pairs of image and map of any sizes -> (B, G, height_px, width_px) float32."""
        maps = np.stack([resized_labels(groups, self) for _, groups in labelled])
        return weighted_one_hot(torch.from_numpy(maps), self.weights).numpy()


class LabelTransform:
    """A ``TrainTransform`` of (image, map) pairs: the map, moved as the image is under the same seed, one-hot.

    Args:
        joint: what moves both.
        weights: of the G groups.
    """

    def __init__(self, joint: JointTransform, weights: tuple[float, ...]) -> None:
        self._joint = joint
        self._weights = weights

    def __call__(self, labelled: Any, seed: int) -> Tensor:
        """(H, W, 3) uint8 and (H, W) uint8 -> (G, height, width) float32."""
        image_rgb, groups = labelled
        return weighted_one_hot(self._joint(image_rgb, groups, seed)[1][None], self._weights)[0]


def check_channels(backbone: Any, labels: LabelMaps) -> None:
    """Refuse a SEG branch over another number of groups.

    Raises:
        ConfigError: its first convolution has other channels than there are groups, or takes RGB.
    """
    channels = getattr(backbone, "in_channels", 3)
    if channels != len(labels.groups):
        raise ConfigError(
            f"a branch over {channels} channels for label maps of {len(labels.groups)} groups "
            f"({', '.join(group.name for group in labels.groups)})",
            f"Give the SEG branch `backbone: {{name: mobilenet_stages, in_channels: {len(labels.groups)}}}`",
        )
