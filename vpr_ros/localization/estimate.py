"""Pose and covariance from the candidates that agree with the best one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.core.pose_average import AveragePose, average_pose, consistent_with_first, softmax_weights
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.maps.calibration import Calibration

UNKNOWN_ANGLE_VARIANCE_RAD2 = np.pi**2
FLOOR_M = 0.01
FLOOR_RAD = 0.005


@dataclass(frozen=True, eq=False)
class PoseEstimate:
    """A pose with its uncertainty.

    Attributes:
        T_map_base: the identity quaternion where the orientation is unknown.
        covariance: (6, 6) of x, y, z, roll, pitch, yaw about the map's axes.
        orientation_known: whether the quaternion means anything.
    """

    T_map_base: Pose
    covariance: npt.NDArray[np.float64]
    orientation_known: bool


def estimate_pose(candidates: Candidates, config: LocalizerConfig, calibration: Calibration) -> PoseEstimate:
    """Average the candidates at the place of the first one, by the softmax of their similarity.

    The covariance is the weighted spread of those candidates about their mean, plus the residuals that the
    map measured on itself at this similarity (they contain its spacing), never less than 1 cm and 0.3 degrees.

    Args:
        candidates: at least one.
        config: radius, angle and temperature.
        calibration: the map's residuals, and its radius where the config gives none.
    """
    average = average_of_best(candidates, config.pose_radius_m or calibration.radius_m, config)
    similarity = float(candidates.similarities[0])
    covariance = average.spread + np.diag(calibration.residuals.variances(similarity, FLOOR_M, FLOOR_RAD))
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
