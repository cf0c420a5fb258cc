# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The mean of several hypotheses of one pose, and how far they spread about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

Float = npt.NDArray[np.float64]

SIMILARITY_TEMPERATURE: Final = 0.05
"""Difference of cosine similarity that lowers a candidate's weight by e."""
MAX_ANGLE_RAD: Final = math.radians(60.0)
"""Candidates turned further than this from the best one show another view."""


@dataclass(frozen=True, eq=False)
class AveragePose:
    """A weighted mean of K poses.

    Attributes:
        position_m: (3,).
        rotation: None where no hypothesis has an orientation.
        offsets_m: (K, 3) of the positions from the mean.
        weights: (K,) of the positions.
        rotations: those of the hypotheses that have one; None where there is none.
        shares: their weights.
    """

    position_m: Float
    rotation: Rotation | None
    offsets_m: Float
    weights: Float
    rotations: Rotation | None
    shares: Float

    @property
    def spread(self) -> Float:
        """(6, 6) weighted scatter of x, y, z and of the rotation vectors about the target frame's axes.

        The blocks between position and rotation are zero, as is the second block without orientation.
        """
        spread = np.zeros((6, 6))
        spread[:3, :3] = np.einsum("k,ki,kj->ij", self.weights, self.offsets_m, self.offsets_m)
        if self.rotation is not None and self.rotations is not None:
            turns_rad = (self.rotations * self.rotation.inv()).as_rotvec()
            spread[3:, 3:] = np.einsum("k,ki,kj->ij", self.shares, turns_rad, turns_rad)
        return spread


def softmax_weights(similarities: Float, temperature: float) -> Float:
    """(K,) cosines -> (K,) weights that sum to 1."""
    weights = np.exp((similarities - similarities.max()) / temperature)
    return np.asarray(weights / weights.sum())


def consistent_with_first(
    position_m: Float, quat_xyzw: Float, radius_m: float, max_angle_rad: float
) -> npt.NDArray[np.bool_]:
    """(K,) which of K poses lie within *radius_m* of the first and, where both are known, *max_angle_rad*.

    Args:
        position_m: (K, 3).
        quat_xyzw: (K, 4), a row of NaN where the orientation is unknown.
        radius_m: how far apart two poses of one place may be.
        max_angle_rad: how far they may be turned.
    """
    consistent: npt.NDArray[np.bool_] = np.asarray(np.linalg.norm(position_m - position_m[0], axis=1) <= radius_m)
    known = np.asarray(np.isfinite(quat_xyzw).all(axis=1))
    if known[0]:  # the angle between q and r is 2 arccos |q.r|
        lengths = np.linalg.norm(quat_xyzw[known], axis=1)
        alike = np.abs(quat_xyzw[known] @ quat_xyzw[0]) / (lengths * lengths[0])
        consistent[known] &= 2.0 * np.arccos(np.minimum(alike, 1.0)) <= max_angle_rad
    return consistent


def average_pose(position_m: Float, quat_xyzw: Float, weights: Float) -> AveragePose:
    """Average K poses.

    Args:
        position_m: (K, 3).
        quat_xyzw: (K, 4), a row of NaN where the orientation is unknown.
        weights: (K,), more than 0, sum 1.
    """
    mean_m = weights @ position_m
    known = np.isfinite(quat_xyzw).all(axis=1)
    if not known.any():
        return AveragePose(mean_m, None, position_m - mean_m, weights, None, np.empty(0))
    shares = np.maximum(weights[known], np.finfo(np.float64).tiny)
    shares = shares / shares.sum()
    rotations = Rotation.from_quat(quat_xyzw[known])
    return AveragePose(mean_m, rotations.mean(shares), position_m - mean_m, weights, rotations, shares)
