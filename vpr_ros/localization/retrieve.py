# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Descriptor to candidates: search, and the pose each found frame gives the robot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.model_info import DescriptorArray
from vpr_ros.core.pose import Pose
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.result import PosePrior
from vpr_ros.maps.place_map import PlaceMap


def retrieve(
    place_map: PlaceMap, descriptor: DescriptorArray, k: int, T_base_camera: Pose | None, prior: PosePrior | None
) -> Candidates:
    """Find the *k* most similar frames, with a prior only among those inside its gate.

    Args:
        place_map: the map.
        descriptor: (1, D) float32, unit length.
        k: how many; fewer come back from a small map or a narrow gate.
        T_base_camera: extrinsics of the camera that took the image, None where unknown.
        prior: where the robot is thought to be.
    """
    found = place_map.search(descriptor, k, None if prior is None else _inside(place_map, prior))
    return candidates_at(place_map, found.indices[0], found.similarities[0], T_base_camera)


def candidates_at(
    place_map: PlaceMap,
    indices: npt.NDArray[np.int64],
    similarities: npt.NDArray[np.float32],
    T_base_camera: Pose | None = None,
) -> Candidates:
    """The poses that found frames give the robot.

    Args:
        place_map: the map.
        indices: (K,) of the frames, best first.
        similarities: (K,) cosine.
        T_base_camera: extrinsics of the camera that took the image, None where unknown.
    """
    position_m = place_map.frames.position_m[indices]
    quat_xyzw = place_map.frames.quat_xyzw[indices]
    if T_base_camera is not None:
        position_m, quat_xyzw = _corrected_for_extrinsics(place_map, indices, T_base_camera)
    return Candidates(indices, similarities.astype(np.float64), position_m, quat_xyzw)


def _inside(place_map: PlaceMap, prior: PosePrior) -> npt.NDArray[np.int64]:
    position_m, middle_m = place_map.frames.position_m, np.array(prior.T_map_base.position_m)
    rows = np.flatnonzero(np.abs(position_m[:, 0] - middle_m[0]) <= prior.radius_m)  # of a million frames most are out
    return rows[np.linalg.norm(position_m[rows] - middle_m, axis=1) <= prior.radius_m]


def _corrected_for_extrinsics(
    place_map: PlaceMap, indices: npt.NDArray[np.int64], T_base_camera: Pose
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """``T_map_base(match) T_base_camera(match) T_base_camera(query)^-1`` where the extrinsics of both are known.

    The query camera then sits where the match camera sat. Elsewhere the frame's own pose is the best guess.
    """
    position_m = place_map.frames.position_m[indices].copy()
    quat_xyzw = place_map.frames.quat_xyzw[indices].copy()
    cameras = place_map.frames.camera_index[indices]
    for camera in np.unique(cameras):
        T_base_match = place_map.manifest.cameras[camera].T_base_camera
        rows = np.flatnonzero((cameras == camera) & place_map.frames.has_orientation[indices])
        if (
            T_base_match is None
            or T_base_match == T_base_camera  # the same camera, mostly: it sat where it sits
            or not T_base_match.has_orientation
            or not T_base_camera.has_orientation
            or not len(rows)
        ):
            continue
        correction = T_base_match.compose(T_base_camera.inverse())
        rotation = Rotation.from_quat(quat_xyzw[rows])
        position_m[rows] += rotation.apply(np.array(correction.position_m))
        quat_xyzw[rows] = (rotation * correction.rotation).as_quat()
    return position_m, quat_xyzw
