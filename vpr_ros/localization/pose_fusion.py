# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One pose from several of the same map, whose errors nobody knows to be independent.

Covariance intersection (docs/rig.md): cameras of one rig share the map's errors, the light and the calibration, so two
of them that agree are not twice as sure. In no direction does the fused pose claim to be surer than the surest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.localization.estimate import UNKNOWN_ANGLE_VARIANCE_RAD2

Float = npt.NDArray[np.float64]


class UncertainPose(NamedTuple):
    """A pose of the base in the map.

    Attributes:
        T_map_base: the identity quaternion where the orientation is unknown.
        covariance: (6, 6) of x, y, z, roll, pitch, yaw about the map's axes.
        orientation_known: whether the quaternion means anything.
    """

    T_map_base: Pose
    covariance: Float
    orientation_known: bool


def fused_pose(poses: Sequence[UncertainPose]) -> UncertainPose:
    """The information-weighted mean of *poses*, with the scatter about it added to the covariance.

    Each counts by the inverse of the variance of its position. Where some of them have an orientation, the others are
    left out.

    Args:
        poses: one at least, positive definite covariances.
    """
    oriented = [pose for pose in poses if pose.orientation_known]
    used = oriented or list(poses)
    if len(used) == 1:
        return used[0]
    shares = np.array([1.0 / np.trace(pose.covariance[:3, :3]) for pose in used])
    shares /= shares.sum()
    dims = 6 if oriented else 3
    first = used[0].T_map_base
    offsets = np.array([_offset(first, pose)[:dims] for pose in used])
    information = [np.linalg.inv(pose.covariance[:dims, :dims]) for pose in used]
    covariance = np.linalg.inv(np.einsum("k,kij->ij", shares, information))
    mean = covariance @ np.einsum("k,kij,kj->i", shares, information, offsets)
    apart = offsets - mean
    covariance = covariance + np.einsum("k,ki,kj->ij", shares, apart, apart)
    covariance = (covariance + covariance.T) / 2
    position_m = np.array(first.position_m) + mean[:3]
    if oriented:
        turned = Rotation.from_rotvec(mean[3:]) * first.rotation
        return UncertainPose(Pose.from_rotation(position_m, turned), covariance, orientation_known=True)
    full = np.eye(6) * UNKNOWN_ANGLE_VARIANCE_RAD2
    full[:3, :3] = covariance
    x, y, z = position_m.tolist()
    return UncertainPose(Pose((x, y, z), IDENTITY_QUAT_XYZW), full, orientation_known=False)


def _offset(first: Pose, pose: UncertainPose) -> Float:
    """(6,) metres and the rotation vector about the map's axes that lead from *first* to *pose*."""
    moved_m = np.subtract(pose.T_map_base.position_m, first.position_m)
    turned = (pose.T_map_base.rotation * first.rotation.inv()).as_rotvec()
    return np.concatenate([moved_m, turned])
