# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How densely a map covers its place."""

from __future__ import annotations

import numpy as np

from vpr_ros.maps.frame_table import FrameTable

RADIUS_SPACINGS = 4.0
RADIUS_OF_EXTENT = 0.05
RADIUS_MIN_M = 0.3
RADIUS_MAX_M = 25.0


def neighbour_spacing_m(frames: FrameTable) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(N - 1 at most,) distance between each frame and the next one of its session and camera."""
    order = np.lexsort((frames.stamp_ns, frames.camera_index, frames.session))
    steps_m = np.linalg.norm(np.diff(frames.position_m[order], axis=0), axis=1)
    same_track = (np.diff(frames.session[order]) == 0) & (np.diff(frames.camera_index[order]) == 0)
    return np.asarray(steps_m[same_track])


def median_spacing_m(frames: FrameTable) -> float:
    """Typical distance between neighbouring frames, 0 for a map of one frame."""
    steps_m = neighbour_spacing_m(frames)
    return float(np.median(steps_m)) if len(steps_m) else 0.0


def place_radius_m(frames: FrameTable, spacing_m: float) -> float:
    """Up to which distance two frames show the same place, for want of better knowledge.

    Four times the spacing or 5 % of the map's diagonal, whichever is more, within 0.3 m (a room) and
    25 m (the field's threshold outdoors, docs/methods.md 5.2).
    """
    diagonal_m = float(np.linalg.norm(np.ptp(frames.position_m, axis=0)))
    return float(np.clip(max(RADIUS_SPACINGS * spacing_m, RADIUS_OF_EXTENT * diagonal_m), RADIUS_MIN_M, RADIUS_MAX_M))
