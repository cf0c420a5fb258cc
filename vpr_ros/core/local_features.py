# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Keypoints with descriptors: what one image shows in detail, and who finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import ImageRgb

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LocalFeatures:
    """M keypoints of one image, best first.

    Attributes:
        keypoints_px: (M, 2) float32, x and y in the image as the camera gives it, distorted; centres of pixels are
            whole numbers.
        descriptors: (M, C) float32, rows of unit length.
        scores: (M,) float32, how reliable each is; larger is better.
    """

    keypoints_px: Float32
    descriptors: Float32
    scores: Float32

    def __len__(self) -> int:
        return len(self.keypoints_px)


@dataclass(frozen=True, eq=False)
class MapFeatures:
    """M keypoints of one map frame.

    Attributes:
        keypoints_px, descriptors, scores: see ``LocalFeatures``; descriptors as exact as the map keeps them.
        position_m: (M, 3) float64 in the map frame, a row of NaN where the depth is unknown.
        size_px: width and height of the frame's image.
        intrinsics: how the frame's camera saw, for an image of this size; None where unknown.
    """

    keypoints_px: Float32
    descriptors: Float32
    scores: Float32
    position_m: npt.NDArray[np.float64]
    size_px: tuple[int, int]
    intrinsics: CameraIntrinsics | None = None

    def __len__(self) -> int:
        return len(self.keypoints_px)


class LocalExtractor(Protocol):
    """Image to local features."""

    @property
    def sha256(self) -> str:
        """Hash of the first model file that gave these local features; what a map calls the model."""

    def extract(self, image_rgb: ImageRgb) -> LocalFeatures:
        """Find the keypoints of one image; none in an image without texture.

        Raises:
            ModelError: the runtime failed, or gave another shape.
        """


class LocalFeatureMap(Protocol):
    """The local features of a map's frames."""

    @property
    def sha256(self) -> str:
        """Hash of the model that found them."""

    def of(self, index: int) -> MapFeatures:
        """Those of map frame *index*.

        Raises:
            MapError: they cannot be read.
        """
