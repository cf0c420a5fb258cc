# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether the covariances can be trusted: normalised estimation error squared (NEES) of positions and headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from vpr_ros.core.pose import FloatArray, Pose


@dataclass(frozen=True)
class NeesSummary:
    """A consistent estimator has mean = degrees_of_freedom and 95 % of its poses inside the 95 % bound.

    Attributes:
        count: poses counted.
        degrees_of_freedom: 2 (x, y), 3 (x, y, z) or 1 (yaw).
        mean, median: of e^T P^-1 e.
        within_95_percent: percent of the poses below the 95 % quantile of chi-square; far below 95 means
            overconfident, 100 together with a mean near 0 means overcautious.
    """

    count: int
    degrees_of_freedom: int
    mean: float
    median: float
    within_95_percent: float


def position_nees(
    estimates: Sequence[Pose], covariances: Sequence[npt.NDArray[np.floating]], truths: Sequence[Pose], axes: int = 2
) -> FloatArray:
    """e^T P^-1 e of the first *axes* position axes (Bar-Shalom et al. 2001, 5.4).

    Args:
        estimates, truths: P poses in one frame.
        covariances: P matrices (6, 6), order x y z roll pitch yaw.
        axes: 2 for robots on a floor (z would add an error that is always 0), 3 otherwise.

    Returns:
        (P,) float64; infinite where a covariance cannot be inverted (a zero covariance claims certainty).
    """
    nees = np.empty(len(estimates))
    for row, (estimate, covariance, truth) in enumerate(zip(estimates, covariances, truths, strict=True)):
        error = np.subtract(estimate.position_m, truth.position_m)[:axes]
        try:
            nees[row] = error @ np.linalg.solve(np.asarray(covariance, dtype=np.float64)[:axes, :axes], error)
        except np.linalg.LinAlgError:
            nees[row] = np.inf
    return nees


def yaw_nees(
    estimates: Sequence[Pose], covariances: Sequence[npt.NDArray[np.floating]], truths: Sequence[Pose]
) -> FloatArray:
    """The same of the turn about z, of the poses whose two orientations are known: (at most P,)."""
    nees = []
    for estimate, covariance, truth in zip(estimates, covariances, truths, strict=True):
        if estimate.has_orientation and truth.has_orientation:
            turn_rad = float((truth.rotation * estimate.rotation.inv()).as_rotvec()[2])
            nees.append(turn_rad**2 / covariance[5, 5] if covariance[5, 5] > 0 else np.inf)
    return np.array(nees)


def summarise_nees(nees: FloatArray, degrees_of_freedom: int) -> NeesSummary | None:
    """Summarise (P,) values; None when there is none."""
    if not nees.size:
        return None
    bound = float(chi2.ppf(0.95, degrees_of_freedom))
    return NeesSummary(
        count=int(nees.size),
        degrees_of_freedom=degrees_of_freedom,
        mean=float(nees.mean()),
        median=float(np.median(nees)),
        within_95_percent=100.0 * float((nees <= bound).mean()),
    )
