# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How sure a geometric pose says it is, from what its reprojection predicts: docs/verification.md, "The covariance"."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

DEVIATION_SCALE: Final = 1.5
"""Errors of the map's points and calibration, which all keypoints share, are not in the reprojection: what is stated is
so many times what it predicts, as measured on simulated towns, see docs/verification.md."""
LOOSE: Final = 0.003
"""A predicted deviation of this share of the distance to the points doubles that factor: what is loosely determined is
wrong by more than its reprojection knows."""
SHIFT_ASIDE: Final = 0.1
"""Of a shift's square, in every direction: what moves far one way with the focal length is not sure of the others."""
FLOOR_M: Final = 0.01
FLOOR_RAD: Final = 0.002
"""No pose is surer than this, however many keypoints agree."""


def stated(predicted: Float, looseness: float, shifts: Float, widening: float) -> Float:
    """(6, 6) of x, y, z and of the rotation about the map's axes: scaled, never below the floors, and the shifts.

    Args:
        predicted: (6, 6) as the reprojection alone predicts it.
        looseness: predicted deviation of the position over the distance to the points.
        shifts: (S, 6) how far the pose moves where something else may be wrong.
        widening: the map's own factor of the deviations.
    """
    scale = DEVIATION_SCALE * (1.0 + looseness / LOOSE)
    aside = SHIFT_ASIDE * np.array([np.sum(shifts[:, :3] ** 2)] * 3 + [np.sum(shifts[:, 3:] ** 2)] * 3)
    floor = np.array([FLOOR_M**2] * 3 + [FLOOR_RAD**2] * 3)
    return np.asarray(widening**2 * (predicted * scale**2 + np.diag(floor)) + np.diag(aside) + shifts.T @ shifts)
