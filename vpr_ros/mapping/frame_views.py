# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map frame as triangulation needs it: the rays of its keypoints, and where its camera was."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.maps.local_store import LocalFiles
from vpr_ros.maps.map_cameras import MapCameras

FloatArray = npt.NDArray[np.float64]
KEPT_VIEWS: Final = 256
"""In memory at once; neighbours of neighbouring frames are mostly the same."""


@dataclass(frozen=True, eq=False)
class FrameView:
    """M keypoints of one frame.

    Attributes:
        rays: (M, 3) unit rays in the optical frame, NaN where the lens model has none.
        depth_per_length: (M,) depth along the optical axis of the point at distance 1 on each ray.
        descriptors: (M, C) float32, rows of unit length.
        rotation: (3, 3) of the camera in the map.
        position_m: (3,) of the camera in the map.
        px_per_rad: how many pixels an angle is, in the middle of the image.
        diagonal_px: of the image.
    """

    rays: FloatArray
    depth_per_length: FloatArray
    descriptors: npt.NDArray[np.float32]
    rotation: FloatArray
    position_m: FloatArray
    px_per_rad: float
    diagonal_px: float


def frame_views(files: LocalFiles, cameras: MapCameras) -> Callable[[int], FrameView | None]:
    """What gives the view of a frame; None where its orientation or its intrinsics are unknown, or it has no keypoint.

    The last ones asked for are kept.
    """

    @functools.lru_cache(KEPT_VIEWS)
    def view(index: int) -> FrameView | None:
        T_map_camera = cameras.T_map_camera(index)
        if T_map_camera is None:
            return None
        found = files.features(index)
        if not len(found.scores):
            return None
        intrinsics = cameras.intrinsics(index, found.width_px, found.height_px)
        if intrinsics is None:
            return None
        rays = intrinsics.unproject(found.keypoints_px)
        length = np.linalg.norm(rays, axis=1)
        return FrameView(
            rays / length[:, None],
            1.0 / length,
            found.descriptors,
            T_map_camera.rotation.as_matrix(),
            np.array(T_map_camera.position_m),
            math.sqrt(intrinsics.fx_px * intrinsics.fy_px),
            math.hypot(found.width_px, found.height_px),
        )

    return view
