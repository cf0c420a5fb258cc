"""Pose and covariance from the candidates that agree with the best one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.localization.candidates import Candidates
from vpr_ros.maps.calibration import Residuals

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


def consistent_with_best(candidates: Candidates, radius_m: float, max_angle_rad: float) -> npt.NDArray[np.bool_]:
    """(K,) which candidates lie within *radius_m* of the first and, where both are known, *max_angle_rad*."""
    offset_m = np.linalg.norm(candidates.position_m - candidates.position_m[0], axis=1)
    consistent = np.asarray(offset_m <= radius_m)
    known = np.isfinite(candidates.quat_xyzw).all(axis=1)
    if known[0]:
        best = Rotation.from_quat(candidates.quat_xyzw[0])
        angle_rad = (best.inv() * Rotation.from_quat(candidates.quat_xyzw[known])).magnitude()
        consistent[known] &= angle_rad <= max_angle_rad
    consistent[0] = True
    return consistent


def estimate_pose(consistent: Candidates, residuals: Residuals, temperature: float) -> PoseEstimate:
    """Average candidates by the softmax of their similarity.

    The covariance is the weighted spread of the candidates about their mean plus the residuals the map
    measured on itself (which contain its spacing), and never less than 1 cm and 0.3 degrees.

    Args:
        consistent: the candidates of one place, at least one.
        residuals: standard deviations of the truth about such a mean, beyond the spread.
        temperature: difference of similarity that lowers a weight by e.
    """
    logits = consistent.similarities / temperature
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    position_m = weights @ consistent.position_m
    covariance = np.zeros((6, 6))
    offsets_m = consistent.position_m - position_m
    covariance[:3, :3] = np.einsum("k,ki,kj->ij", weights, offsets_m, offsets_m)
    covariance[:3, :3] += np.diag(_variances(residuals.horizontal_m, residuals.vertical_m, FLOOR_M))
    known = np.isfinite(consistent.quat_xyzw).all(axis=1)
    if not known.any():
        covariance[3:, 3:] = np.eye(3) * UNKNOWN_ANGLE_VARIANCE_RAD2
        x, y, z = position_m.tolist()
        return PoseEstimate(Pose((x, y, z), IDENTITY_QUAT_XYZW), covariance, orientation_known=False)
    rotations = Rotation.from_quat(consistent.quat_xyzw[known])
    weights_known = weights[known] / weights[known].sum() if weights[known].sum() > 0 else None
    mean = rotations.mean(weights_known)
    turns_rad = (rotations * mean.inv()).as_rotvec()  # about the map's axes
    share = weights_known if weights_known is not None else np.full(len(turns_rad), 1 / len(turns_rad))
    covariance[3:, 3:] = np.einsum("k,ki,kj->ij", share, turns_rad, turns_rad)
    covariance[3:, 3:] += np.diag(_variances(residuals.tilt_rad, residuals.yaw_rad, FLOOR_RAD))
    return PoseEstimate(Pose.from_rotation(position_m, mean), (covariance + covariance.T) / 2, orientation_known=True)


def _variances(first_two: float, third: float, floor: float) -> list[float]:
    one, other = max(first_two, floor) ** 2, max(third, floor) ** 2
    return [one, one, other]
