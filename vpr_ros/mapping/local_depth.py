# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The depths of a map's keypoints, once for good when it is built: from the map's own frames and poses."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.mapping.frame_views import FloatArray, FrameView
from vpr_ros.mapping.neighbour_choice import IntArray, NeighbourChoice
from vpr_ros.mapping.overlap import answered
from vpr_ros.mapping.triangulate import Matches, Triangulated, triangulate
from vpr_ros.maps.map_cameras import MapCameras

FRAMES_PROBED: Final = 16
STEPS_PROBED: Final = (1, 2, 4, 8, 16, 32, 64, 128)
FRAMES_REMEMBERED: Final = 9
STRETCH: Final = 64
"""Frames on end that are measured one after the other, for what one sees is about as far as what the last ones saw.
Several stretches are at a time, and none asks the one before: a map does not depend on how fast each was."""
MOST_RESIDUALS: Final = 100
"""Of each kind and frame: a long map is judged by some of them."""
Views = Callable[[int], FrameView | None]


@dataclass(eq=False)
class Residuals:
    """How well the matches of a map fit its poses and intrinsics, gathered frame by frame."""

    epipolar_px: list[npt.NDArray[np.float32]] = field(default_factory=list)
    reprojection_px: list[npt.NDArray[np.float32]] = field(default_factory=list)

    def take(self, found: Triangulated) -> None:
        """Add those of one frame."""
        for values, kept in ((found.epipolar_px, self.epipolar_px), (found.reprojection_px, self.reprojection_px)):
            kept.append(values[:: max(1, len(values) // MOST_RESIDUALS)].astype(np.float32))

    def medians_px(self) -> tuple[float | None, float | None]:
        """Of the distances from epipolar lines, and of those between points and their images."""
        return _median(self.epipolar_px), _median(self.reprojection_px)


def session_depths(
    indices: Iterable[int], wanted: Container[int], views: Views, cameras: MapCameras, residuals: Residuals
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the frames of one session whose keypoints can be measured, with the depths (M,) in metres, NaN unknown.

    Args:
        indices: the frames of the session.
        wanted: those of them that are measured; the others are looked at from there.
        views: see ``frame_views``.
        cameras: of the map.
        residuals: gets to know how well everything fits.
    """
    known = [(index, pose) for index in indices if (pose := cameras.T_map_camera(index)) is not None]
    if not known:
        return
    numbers: IntArray = np.array([index for index, _ in known], dtype=np.int64)
    position_m = np.array([pose.position_m for _, pose in known])
    quat_xyzw = np.array([pose.rotation.as_quat() for _, pose in known])
    scale_m = usual_depth_m(numbers, views)
    if scale_m is None:
        return
    choice = NeighbourChoice(numbers, position_m, quat_xyzw)
    asked = [(row, index) for row, index in enumerate(numbers.tolist()) if index in wanted]
    stretches = [asked[start : start + STRETCH] for start in range(0, len(asked), STRETCH)]
    for stretch in answered(partial(_triangulated, views, choice, scale_m), stretches):
        for index, found in stretch:
            residuals.take(found)
            yield index, found.depth_m


def _triangulated(
    views: Views, choice: NeighbourChoice, scale_m: float, frames: list[tuple[int, int]]
) -> list[tuple[int, Triangulated]]:
    """What becomes of some frames on end, each a row of *choice* and a number; things are *scale_m* away at first."""
    lately_m: deque[float] = deque(maxlen=FRAMES_REMEMBERED)
    matches, measured = Matches(), []
    for row, index in frames:
        if (view := views(index)) is None:
            continue
        depth_m = float(np.median(lately_m)) if lately_m else scale_m
        others = [other for number in choice.around(row, depth_m) if (other := views(int(number))) is not None]
        found = triangulate(view, others, matches=matches)
        measured.append((index, found))
        if np.isfinite(found.depth_m).any():
            lately_m.append(float(np.nanmedian(found.depth_m)))
    return measured


def usual_depth_m(numbers: IntArray, views: Views) -> float | None:
    """How far the things are that a session sees, from pairs of its frames at every distance; None: nobody can tell."""
    found = []
    for row in np.unique(np.linspace(0, len(numbers) - 1, FRAMES_PROBED).astype(np.int64)):
        view = views(int(numbers[row]))
        for step in STEPS_PROBED:
            if view is None or row + step >= len(numbers):
                break
            if (other := views(int(numbers[row + step]))) is not None:
                depth_m = triangulate(view, [other], least_views=1).depth_m
                found.append(depth_m[np.isfinite(depth_m)])
    depths_m = np.concatenate(found) if found else np.empty(0)
    return float(np.median(depths_m)) if len(depths_m) else None


def _median(parts: list[npt.NDArray[np.float32]]) -> float | None:
    values = np.concatenate(parts) if parts else np.empty(0)
    return float(np.median(values)) if len(values) else None
