# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Frames spread evenly over the viewpoints of a map: no two nearer than a step, and none farther from all of them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vpr_ros.mapping.held_out import ANSWERS
from vpr_ros.maps.place_map import PlaceMap

COARSEST_STEP: Final = 4.0
FINEST_STEP: Final = 1.0 / 256.0


class Viewpoints:
    """The viewpoints of a map's frames; one step apart are two by one place radius, or by the angle of one place.

    Frames of two sessions or cameras are never near: another light and another camera are not seen again by the rest.
    """

    def __init__(self, place_map: PlaceMap) -> None:
        self._frames = place_map.frames
        self._radius_m = place_map.manifest.calibration.radius_m
        self._tree = cKDTree(self._frames.position_m)

    def spread(self, step: float, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """(N,) the frames *kept*, and others in the order of the table that are *step* from all of them."""
        chosen = kept.copy()
        is_near = np.zeros(len(chosen), dtype=bool)
        for row in np.flatnonzero(kept).tolist():
            is_near[self._near(row, step)] = True
        for row in range(len(chosen)):
            if not is_near[row]:
                chosen[row] = True
                is_near[self._near(row, step)] = True
        return chosen

    def number(self, most: int) -> npt.NDArray[np.bool_]:
        """(N,) *most* frames, in ever finer steps."""
        kept = np.zeros(len(self._frames), dtype=bool)
        step = COARSEST_STEP
        while step >= FINEST_STEP and (finer := self.spread(step, kept)).sum() <= most:
            kept, step = finer, step / 2
        left = np.flatnonzero((finer if step >= FINEST_STEP else np.ones_like(kept)) & ~kept)
        more = most - int(kept.sum())
        kept[left[np.linspace(0, len(left) - 1, more).round().astype(np.int64)]] = True
        return kept

    def _near(self, row: int, step: float) -> npt.NDArray[np.int64]:
        frames = self._frames
        near = np.array(self._tree.query_ball_point(frames.position_m[row], step * self._radius_m), dtype=np.int64)
        same = frames.session[near] == frames.session[row]
        near = near[same & (frames.camera_index[near] == frames.camera_index[row])]
        apart = np.linalg.norm(frames.position_m[near] - frames.position_m[row], axis=1) / self._radius_m
        cosine = np.minimum(np.abs(frames.quat_xyzw[near] @ frames.quat_xyzw[row]), 1.0)
        turned = np.nan_to_num(2.0 * np.arccos(cosine), nan=0.0) / ANSWERS.max_angle_rad
        return near[apart + turned < step]
