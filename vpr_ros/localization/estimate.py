# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pose and covariance from the candidates that agree with the best one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import EXACT, PositionSigma
from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.core.pose_average import AveragePose, average_pose, consistent_with_first, softmax_weights
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.geometric_pose import GeometricPose, of_the_base
from vpr_ros.localization.verify import Verification
from vpr_ros.maps.calibration import Calibration

UNKNOWN_ANGLE_VARIANCE_RAD2 = np.pi**2
FLOOR_M = 0.01
FLOOR_RAD = 0.005
Float = npt.NDArray[np.float64]
LEAST_SURE = 5.0
"""A geometric pose that is so many times less sure than the candidates, because the focal length or the map does not
fit, is not used. One that is a little less sure is still nearer than they are, as a rule."""


@dataclass(frozen=True, eq=False)
class PoseEstimate:
    """A pose with its uncertainty.

    Attributes:
        T_map_base: the identity quaternion where the orientation is unknown.
        covariance: (6, 6) of x, y, z, roll, pitch, yaw about the map's axes.
        orientation_known: whether the quaternion means anything.
        geometric: what it comes from; None where it is the mean of candidates.
    """

    T_map_base: Pose
    covariance: npt.NDArray[np.float64]
    orientation_known: bool
    geometric: GeometricPose | None = None


def best_estimate(
    verification: Verification, config: LocalizerConfig, calibration: Calibration, of_the_map: PositionSigma = EXACT
) -> PoseEstimate:
    """The geometric pose where, but for its shifts, it is surer than the candidates; else their mean.

    Args:
        verification: with one candidate at least; refuted ones do not join the mean.
        config, calibration: see ``estimate_pose``.
        of_the_map: of its positions, which either pose is off by as well.
    """
    found = _surer(verification, config, calibration)
    horizontal_m, vertical_m = of_the_map
    noise = np.diag(np.square([horizontal_m, horizontal_m, vertical_m, 0.0, 0.0, 0.0]))
    return replace(found, covariance=found.covariance + noise)


def _surer(verification: Verification, config: LocalizerConfig, calibration: Calibration) -> PoseEstimate:
    retrieved = estimate_pose(verification.standing, config, calibration, verification.candidates.similarities)
    if verification.pose is None:
        return retrieved
    pose, mount = verification.pose, verification.T_base_camera
    T_map_base, covariance = of_the_base(pose, mount)
    _, without_shifts = of_the_base(replace(pose, focal_shift=np.zeros(6), other_shift=np.zeros(6)), mount)
    most_m2 = np.trace(retrieved.covariance[:3, :3])
    is_surer = np.trace(without_shifts[:3, :3]) <= most_m2
    if not is_surer or not np.trace(covariance[:3, :3]) <= LEAST_SURE**2 * most_m2:  # what is no number is not used
        return retrieved
    return PoseEstimate(T_map_base, covariance, orientation_known=True, geometric=verification.pose)


def estimate_pose(
    candidates: Candidates, config: LocalizerConfig, calibration: Calibration, retrieved: Float | None = None
) -> PoseEstimate:
    """Average the candidates at the place of the first one, by the softmax of their similarity.

    The covariance is what the map measured on itself of answers whose similarities fall as these do; never less than
    1 cm and 0.3 degrees. Where it measured nothing, or only how errors grow as the best similarity falls, the weighted
    spread of those candidates about their mean is added.

    Args:
        candidates: at least one.
        config: radius, angle and temperature.
        calibration: the map's residuals, and its radius where the config gives none.
        retrieved: (K,) similarities of all candidates, refuted ones too; None: there are no others.
    """
    average = average_of_best(candidates, config.pose_radius_m or calibration.radius_m, config)
    similarities, residuals = candidates.similarities, calibration.residuals
    others = similarities if retrieved is None else retrieved
    covariance = np.diag(residuals.variances(float(similarities[0]), others, FLOOR_M, FLOOR_RAD))
    if residuals.log_drop is None:
        covariance = covariance + average.spread
    if average.rotation is None:
        covariance[3:, 3:] = np.eye(3) * UNKNOWN_ANGLE_VARIANCE_RAD2
        x, y, z = average.position_m.tolist()
        return PoseEstimate(Pose((x, y, z), IDENTITY_QUAT_XYZW), covariance, orientation_known=False)
    pose = Pose.from_rotation(average.position_m, average.rotation)
    return PoseEstimate(pose, (covariance + covariance.T) / 2, orientation_known=True)


def average_of_best(candidates: Candidates, radius_m: float, config: LocalizerConfig) -> AveragePose:
    """The mean of the candidates at the place of the first one, weighted by the softmax of their similarity."""
    here = candidates.taken(
        consistent_with_first(candidates.position_m, candidates.quat_xyzw, radius_m, config.max_angle_rad)
    )
    weights = softmax_weights(here.similarities, config.temperature)
    return average_pose(here.position_m, here.quat_xyzw, weights)
