# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Candidates written down by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.localization.candidates import Candidates
from vpr_ros.maps.calibration import Calibration, default_calibration
from vpr_ros.maps.residuals import Residual, Residuals


def residuals(horizontal_m: float, vertical_m: float, tilt_rad: float, yaw_rad: float) -> Residuals:
    """That are the same whatever the similarity."""
    horizontal, vertical, tilt, yaw = map(Residual.constant, (horizontal_m, vertical_m, tilt_rad, yaw_rad))
    return Residuals(0.6, horizontal, vertical, tilt, yaw)


RESIDUALS = residuals(0.2, 0.1, 0.02, 0.05)


def candidates(
    similarities: Sequence[float], xy_m: Sequence[tuple[float, float]], yaw_rad: Sequence[float | None]
) -> Candidates:
    """Planar candidates, numbered from 0; a yaw of None is unknown."""
    quat_xyzw = np.array(
        [np.full(4, np.nan) if yaw is None else Rotation.from_euler("z", yaw).as_quat() for yaw in yaw_rad]
    )
    position_m = np.array([(x, y, 0.0) for x, y in xy_m], dtype=float).reshape(-1, 3)
    return Candidates(np.arange(len(xy_m)), np.array(similarities, dtype=float), position_m, quat_xyzw.reshape(-1, 4))


def calibration(of_the_map: Residuals = RESIDUALS) -> Calibration:
    """Radius 2 m, p = 1/2 at similarity 0.6, a log ratio of 0.1 and concentration 0.3."""
    default = default_calibration(2.0, 0.5)
    return Calibration(
        "held_out", 2.0, default.mean, default.scale, default.weights, 0.0, of_the_map, samples_right=9, samples_wrong=9
    )
