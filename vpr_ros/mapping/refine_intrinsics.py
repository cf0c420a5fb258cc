# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The intrinsics that a map's own matches and poses ask for: focal length, principal point, first distortion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import CameraMount
from vpr_ros.mapping.frame_views import FloatArray, frame_views
from vpr_ros.mapping.local_depth import usual_depth_m
from vpr_ros.mapping.neighbour_choice import IntArray, NeighbourChoice
from vpr_ros.mapping.triangulate import GATE, WIDE_GATE, mutual_nearest
from vpr_ros.maps.frame_table import FrameTable
from vpr_ros.maps.local_store import LocalFiles
from vpr_ros.maps.map_cameras import MapCameras

FRAMES_USED: Final = 60
ROUNDS: Final = 3
"""Matches are chosen anew with what the round before found."""
FEWEST_MATCHES: Final = 500
MOST_MATCHES: Final = 10_000
ROBUST_PX: Final = 1.0
LARGEST_CHANGE: Final = (0.4, 0.15, 0.15, 0.6)
"""Of the focal length and, as a share of the width and the height, the principal point; of the first coefficient."""


@dataclass(frozen=True, eq=False)
class _Matches:
    """K matches: pixels in both images, rotation and shift from the first camera to the second."""

    one_px: FloatArray
    other_px: FloatArray
    rotation: FloatArray
    shift_m: FloatArray

    def misfit_px(self, camera: CameraIntrinsics) -> FloatArray:
        """(K,) distances from the epipolar lines; NaN where the lens has no ray."""
        one, other = camera.unproject(self.one_px), camera.unproject(self.other_px)
        normal = np.cross(self.shift_m, np.einsum("kij,kj->ki", self.rotation, one))
        length = np.linalg.norm(normal, axis=1) * np.linalg.norm(other, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((normal * other).sum(axis=1) / length * camera.fx_px)

    def only(self, kept: IntArray) -> _Matches:
        """These of them."""
        return _Matches(self.one_px[kept], self.other_px[kept], self.rotation[kept], self.shift_m[kept])


def refined_intrinsics(
    indices: Sequence[int], files: LocalFiles, cameras: MapCameras, given: CameraIntrinsics
) -> CameraIntrinsics | None:
    """Fit *given* to the matches among the frames *indices* of one camera; None where they are too few."""
    for _ in range(ROUNDS):
        matches = _matches(indices, files, cameras, given)
        if matches is None or len(matches.one_px) < FEWEST_MATCHES:
            return None
        given = _fitted(given, matches)
    return given


def _fitted(given: CameraIntrinsics, matches: _Matches) -> CameraIntrinsics:
    lost_px = WIDE_GATE * GATE * float(np.hypot(given.width_px, given.height_px))

    def misfit_px(change: FloatArray) -> FloatArray:
        try:
            camera = _changed(given, change)
        except ConfigError:
            return np.full(len(matches.one_px), lost_px)
        return np.nan_to_num(matches.misfit_px(camera), nan=lost_px)

    limits = np.array(LARGEST_CHANGE)
    found = least_squares(
        misfit_px,
        np.zeros(4),
        bounds=(-limits, limits),
        loss="soft_l1",
        f_scale=ROBUST_PX,
        x_scale=0.05,
    )
    return _changed(given, found.x)


def _changed(given: CameraIntrinsics, change: FloatArray) -> CameraIntrinsics:
    longer, right, down, first = (float(value) for value in change)
    coefficients = list(given.distortion) or [0.0] * 4
    coefficients[0] += first
    return replace(
        given,
        fx_px=given.fx_px * (1.0 + longer),
        fy_px=given.fy_px * (1.0 + longer),
        cx_px=given.cx_px + right * given.width_px,
        cy_px=given.cy_px + down * given.height_px,
        distortion=tuple(coefficients),
    )


def _matches(
    indices: Sequence[int], files: LocalFiles, cameras: MapCameras, camera: CameraIntrinsics
) -> _Matches | None:
    """The more similar half of the matches of some frames with their neighbours, as far as they lie near the lines."""
    known = [(index, pose) for index in indices if (pose := cameras.T_map_camera(index)) is not None]
    numbers: IntArray = np.array([index for index, _ in known], dtype=np.int64)
    depth_m = usual_depth_m(numbers, frame_views(files, cameras)) if known else None
    if depth_m is None:
        return None
    rotations = np.array([pose.rotation.as_matrix() for _, pose in known])
    position_m = np.array([pose.position_m for _, pose in known])
    choice = NeighbourChoice(numbers, position_m, np.array([pose.rotation.as_quat() for _, pose in known]))
    row_of = {int(number): row for row, number in enumerate(numbers)}
    parts: list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]] = []
    for row in np.unique(np.linspace(0, len(numbers) - 1, FRAMES_USED).astype(np.int64)):
        one_px, one = _keypoints(int(numbers[row]), files, cameras, camera)
        for number in choice.around(int(row), depth_m):
            at = row_of[int(number)]
            other_px, other = _keypoints(int(number), files, cameras, camera)
            mine, theirs = mutual_nearest(one, other)
            similarity = (one[mine] * other[theirs]).sum(axis=1)
            best = similarity >= np.median(similarity) if len(mine) else np.empty(0, dtype=bool)
            mine, theirs = mine[best], theirs[best]
            turn = rotations[at].T @ rotations[row]
            shift_m = rotations[at].T @ (position_m[row] - position_m[at])
            parts.append(
                (
                    one_px[mine],
                    other_px[theirs],
                    np.broadcast_to(turn, (len(mine), 3, 3)),
                    np.broadcast_to(shift_m, (len(mine), 3)),
                )
            )
    if not parts:
        return None
    found = _Matches(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    gate_px = WIDE_GATE * GATE * float(np.hypot(camera.width_px, camera.height_px))
    near = np.flatnonzero(np.abs(found.misfit_px(camera)) <= gate_px)
    return found.only(near[:: max(1, len(near) // MOST_MATCHES)])


def _keypoints(
    index: int, files: LocalFiles, cameras: MapCameras, camera: CameraIntrinsics
) -> tuple[FloatArray, npt.NDArray[np.float32]]:
    """Pixels (M, 2) in an image of the size that *camera* is for, and descriptors; none where the shape is another."""
    found = files.features(index)
    is_known = cameras.intrinsics(index, found.width_px, found.height_px) is not None
    kept = len(found.scores) if is_known else 0
    scale = np.array([camera.width_px / found.width_px, camera.height_px / found.height_px])
    return (found.keypoints_px[:kept].astype(np.float64) + 0.5) * scale - 0.5, found.descriptors[:kept]


def refine_cameras(
    files: LocalFiles,
    frames: FrameTable,
    cameras: Sequence[CameraMount],
    indices: Sequence[int],
    added_cameras: Sequence[int],
) -> tuple[tuple[CameraMount, ...], dict[str, CameraIntrinsics]]:
    """Fit the intrinsics of the cameras that came with a session.

    Args:
        files: the local features of the map.
        frames: of the map.
        cameras: of the map.
        indices: the frames of the session.
        added_cameras: which cameras no earlier session has: the depths of those are measured.

    Returns:
        every camera, and the intrinsics that a camera had before, by its name, where they were fitted.
    """
    seen_by, refined, before = MapCameras(frames, cameras), list(cameras), {}
    for number in added_cameras:
        camera = cameras[number]
        own = [index for index in indices if frames.camera_index[index] == number]
        if camera.intrinsics is None or not own:
            continue
        found = refined_intrinsics(own, files, seen_by, camera.intrinsics)
        if found is not None:
            refined[number], before[camera.name] = replace(camera, intrinsics=found), camera.intrinsics
    return tuple(refined), before
