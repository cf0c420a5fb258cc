"""Which frames show how far away is what another one sees: apart enough for parallax, near enough to see the same.

All distances are shares of how far the things are that are seen: a kitchen and a street are chosen for alike.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vpr_ros.mapping.frame_views import FloatArray

NEIGHBOURS: Final = 8
NEAREST_SHARE, FARTHEST_SHARE = 0.02, 0.25
"""Of the depth: least and most distance between two cameras, 1 to 14 degrees of parallax in the middle of the image."""
LARGEST_ANGLE_RAD: Final = math.radians(35.0)
MOST_CANDIDATES: Final = 400
IF_NONE_IS_NEAR: Final = 8
ANGLE_WEIGHT: Final = 0.5

IntArray = npt.NDArray[np.int64]


class NeighbourChoice:
    """Chooses among the frames of one session.

    Args:
        indices: (K,) which frames of the map.
        position_m: (K, 3) of their cameras.
        quat_xyzw: (K, 4) of their cameras.
    """

    def __init__(self, indices: IntArray, position_m: FloatArray, quat_xyzw: FloatArray) -> None:
        self._indices, self._position_m, self._quat_xyzw = indices, position_m, quat_xyzw
        self._tree = cKDTree(position_m)

    def around(self, row: int, depth_m: float) -> IntArray:
        """Up to eight frames that show what frame ``indices[row]`` sees at about *depth_m*; spread over the distances.

        Where the map has none so near, the nearest ones.
        """
        near = np.array(self._tree.query_ball_point(self._position_m[row], FARTHEST_SHARE * depth_m), dtype=np.int64)
        near = np.sort(near)[:: max(1, len(near) // MOST_CANDIDATES)]
        baseline_m, angle_rad = self._apart(row, near)
        fits = (baseline_m >= NEAREST_SHARE * depth_m) & (angle_rad <= LARGEST_ANGLE_RAD)
        if fits.sum() < NEIGHBOURS // 2:
            most = min(IF_NONE_IS_NEAR + 1, len(self._indices))
            near = np.union1d(near[fits], np.atleast_1d(self._tree.query(self._position_m[row], most)[1]))
            baseline_m, angle_rad = self._apart(row, near)
            fits = (baseline_m >= NEAREST_SHARE * depth_m) & (baseline_m <= depth_m) & (angle_rad <= LARGEST_ANGLE_RAD)
        near, baseline_m, angle_rad = near[fits], baseline_m[fits], angle_rad[fits]
        chosen: list[int] = []
        cost_free = np.ones(len(near), dtype=bool)
        for wanted_m in np.geomspace(2 * NEAREST_SHARE, FARTHEST_SHARE, NEIGHBOURS)[::-1] * depth_m:
            if not cost_free.any():
                break
            cost = np.abs(np.log(baseline_m / wanted_m)) + ANGLE_WEIGHT * angle_rad / LARGEST_ANGLE_RAD
            best = int(np.where(cost_free, cost, np.inf).argmin())
            cost_free[best] = False
            chosen.append(int(near[best]))
        return self._indices[chosen]

    def _apart(self, row: int, others: IntArray) -> tuple[FloatArray, FloatArray]:
        baseline_m = np.linalg.norm(self._position_m[others] - self._position_m[row], axis=1)
        cosine = np.abs(self._quat_xyzw[others] @ self._quat_xyzw[row])
        return baseline_m, 2.0 * np.arccos(np.minimum(cosine, 1.0))
