# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Keypoints that are stuck to the camera: its robot's bonnet, a date in the picture, dirt on the lens.

They are where they were and look as they did in every image, so that they would prove any place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import SizePx
from vpr_ros.core.local_features import Float32, LocalFeatureMap, LocalFeatures
from vpr_ros.localization.two_view import PLANE, Float
from vpr_ros.maps.place_map import PlaceMap

FRAMES_ASKED: Final = 12
"""Of the map, spread over it."""
FEWEST_FRAMES: Final = 3
"""From elsewhere, in which a keypoint of one is again, for it to be stuck."""
TURNED_RAD: Final = math.radians(20.0)
"""What is not stuck has left its pixel when the camera turned so far, or moved to another place of the map."""
MOST_KEYPOINTS: Final = 1000
"""Of a frame, the best: what is stuck is in many."""
NEAR_PX: Final = 2.0
"""In an image 640 px long: two keypoints are at one pixel."""


@dataclass(frozen=True, eq=False)
class StuckKeypoints:
    """T keypoints that a map's frames have in common wherever they were taken.

    Attributes:
        plane_px: (T, 2) where, in an image 640 px long.
        descriptors: (T, C) what they look like.
        min_cosine: less alike than this is something else.
    """

    plane_px: Float
    descriptors: Float32
    min_cosine: float

    @classmethod
    def of(cls, local_map: LocalFeatureMap, place_map: PlaceMap, min_cosine: float) -> StuckKeypoints:
        """Look for them in some frames of a map; those that cannot be read are left to who asks for them."""
        rows, seen, looks = [], [], []
        for row in np.unique(np.linspace(0, len(place_map) - 1, FRAMES_ASKED).astype(np.int64)).tolist():
            try:
                mapped = local_map.of(row)
            except MapError:
                continue
            if not len(mapped):  # nobody has looked for any, and the size is unknown
                continue
            rows.append(row)
            seen.append(_plane_px(mapped.keypoints_px[:MOST_KEYPOINTS], mapped.size_px))
            looks.append(mapped.descriptors[:MOST_KEYPOINTS])
        stuck = [
            _again(seen[one], looks[one], [(seen[two], looks[two]) for two in others], min_cosine)
            for one, others in enumerate(_from_elsewhere(place_map, rows))
        ]
        if not stuck:
            return cls(np.empty((0, 2)), np.empty((0, 0), np.float32), min_cosine)
        return cls(
            np.concatenate([points[kept] for points, kept in zip(seen, stuck, strict=True)]),
            np.concatenate([points[kept] for points, kept in zip(looks, stuck, strict=True)]),
            min_cosine,
        )

    def left_out(self, features: LocalFeatures, size_px: SizePx) -> LocalFeatures:
        """The keypoints of an image of *size_px* that are none of them."""
        if not len(self.plane_px) or not len(features):
            return features
        here = _plane_px(features.keypoints_px, size_px)
        free = ~_are_there(here, features.descriptors, self.plane_px, self.descriptors, self.min_cosine)
        return LocalFeatures(features.keypoints_px[free], features.descriptors[free], features.scores[free])


def _plane_px(keypoints_px: Float32, size_px: SizePx) -> Float:
    return keypoints_px.astype(np.float64) * (PLANE / max(size_px))


def _from_elsewhere(place_map: PlaceMap, rows: list[int]) -> list[list[int]]:
    """For each of the frames *rows* the numbers of those among them that see something else."""
    radius_m = place_map.manifest.calibration.radius_m
    poses = [place_map.pose(row) for row in rows]
    return [
        [
            number
            for number, other in enumerate(poses)
            if pose.distance_m(other) > radius_m
            or (pose.has_orientation and other.has_orientation and pose.angle_rad(other) > TURNED_RAD)
        ]
        for pose in poses
    ]


def _again(
    plane_px: Float, descriptors: Float32, others: list[tuple[Float, Float32]], min_cosine: float
) -> npt.NDArray[np.bool_]:
    """(M,) which keypoints of a frame are in several others."""
    found = np.zeros(len(plane_px), dtype=np.int64)
    for there_px, looks in others:
        found += _are_there(plane_px, descriptors, there_px, looks, min_cosine)
    return np.asarray(found >= FEWEST_FRAMES)


def _are_there(
    plane_px: Float, descriptors: Float32, there_px: Float, looks: Float32, min_cosine: float
) -> npt.NDArray[np.bool_]:
    """(M,) which of M keypoints are among others, at the same pixel and alike."""
    found = np.zeros(len(plane_px), dtype=np.bool_)
    if len(plane_px) and len(there_px):
        near = cKDTree(plane_px).sparse_distance_matrix(cKDTree(there_px), NEAR_PX, np.inf, output_type="ndarray")
        here, there = near["i"], near["j"]
        cosines = np.einsum("ij,ij->i", descriptors[here], looks[there])
        found[here[cosines >= min_cosine]] = True
    return found
