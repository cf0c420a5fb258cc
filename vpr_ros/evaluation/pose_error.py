# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How far off the poses are: quantiles, and the shares within the field's bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vpr_ros.core.pose import FloatArray, Pose

BOUNDS_M_DEG = ((0.25, 2.0), (0.25, 5.0), (0.5, 5.0), (5.0, 10.0))
"""The three bounds of the long-term visual localization benchmark (Sattler et al. 2018), and the finest with 5 degrees,
by which indoor sets are judged."""


@dataclass(frozen=True, eq=False)
class PoseErrors:
    """One row per query.

    Attributes:
        translation_m: (Q,), NaN where the estimate or the truth is missing.
        rotation_rad: (Q,), NaN where either orientation is missing as well.
    """

    translation_m: FloatArray
    rotation_rad: FloatArray


@dataclass(frozen=True)
class PoseErrorSummary:
    """Figures of the errors that are known; each is None where nothing is.

    Attributes:
        count: poses with a known translation error.
        count_with_rotation: poses with a known rotation error as well.
        translation_m: {"median", "p90"}.
        rotation_deg: {"median", "p90"}.
        within_percent: {"0.25m_2deg", "0.25m_5deg", "0.5m_5deg", "5m_10deg"}: percent of the poses with known
            rotation error.
        within_percent_of_all: the same bounds, percent of all queries: no pose, or none with a heading, is outside.
    """

    count: int
    count_with_rotation: int
    translation_m: dict[str, float | None]
    rotation_deg: dict[str, float | None]
    within_percent: dict[str, float | None]
    within_percent_of_all: dict[str, float | None]


def pose_errors(estimates: Sequence[Pose | None], truths: Sequence[Pose | None]) -> PoseErrors:
    """Compare Q estimates with Q true poses in the same frame."""
    translation_m = np.full(len(truths), np.nan)
    rotation_rad = np.full(len(truths), np.nan)
    for row, (estimate, truth) in enumerate(zip(estimates, truths, strict=True)):
        if estimate is None or truth is None:
            continue
        translation_m[row] = estimate.distance_m(truth)
        if estimate.has_orientation and truth.has_orientation:
            rotation_rad[row] = estimate.angle_rad(truth)
    return PoseErrors(translation_m, rotation_rad)


def summarise_pose_errors(errors: PoseErrors) -> PoseErrorSummary:
    """Median, 90th percentile and shares; unknown errors are left out and the counts say so."""
    rotation_deg = np.rad2deg(errors.rotation_rad)
    both = np.isfinite(errors.translation_m) & np.isfinite(rotation_deg)
    within: dict[str, float | None] = {}
    of_all: dict[str, float | None] = {}
    for metres, degrees in BOUNDS_M_DEG:
        inside = (errors.translation_m[both] <= metres) & (rotation_deg[both] <= degrees)
        name = f"{metres:g}m_{degrees:g}deg"
        within[name] = 100.0 * float(inside.mean()) if both.any() else None
        of_all[name] = 100.0 * float(inside.sum()) / len(both) if both.any() else None
    return PoseErrorSummary(
        count=int(np.isfinite(errors.translation_m).sum()),
        count_with_rotation=int(both.sum()),
        translation_m=_quantiles(errors.translation_m),
        rotation_deg=_quantiles(rotation_deg),
        within_percent=within,
        within_percent_of_all=of_all,
    )


def _quantiles(values: FloatArray) -> dict[str, float | None]:
    known = values[np.isfinite(values)]
    if not known.size:
        return {"median": None, "p90": None}
    return {"median": float(np.median(known)), "p90": float(np.quantile(known, 0.9))}
