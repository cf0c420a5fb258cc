"""Answers of the localizer, written down instead of computed, for what only shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.evidence import Evidence
from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization, Match
from vpr_ros.localization.rejection import Improbable, NoCandidate

STAMP_NS = 1_234_567_890_123_456_789
HERE = Pose.from_rotation((1.5, -2.0, 0.25), Rotation.from_euler("ZYX", [math.radians(30.0), 0.0, 0.0]))
IMPROBABLE = Improbable(0.125, 0.5, Evidence(0.9, math.log(1.02), 0.3), "distance_log_ratio")
WHERE_ONLY = Pose((4.0, 5.0, 6.0), None)


def some_covariance() -> npt.NDArray[np.float64]:
    """(6, 6) symmetric, positive definite, and every number of its upper half different."""
    numbers = np.arange(36, dtype=np.float64).reshape(6, 6)
    return np.asarray(np.diag([10.0, 20.0, 30.0, 40.0, 50.0, 60.0]) + (numbers + numbers.T) / 200.0)


def some_matches(poses: Sequence[Pose] = (HERE, WHERE_ONLY)) -> tuple[Match, ...]:
    """Best first: similarity 0.9, 0.8, ..., probability 0.75, 0.50, ..., map frames 40, 41, ..."""
    return tuple(
        Match(40 + rank, 0.9 - 0.1 * rank, 0.75 - 0.25 * rank, pose, f"texture {rank}", "front")
        for rank, pose in enumerate(poses)
    )


def accepted(
    pose: Pose = HERE, *, orientation_known: bool = True, matches: tuple[Match, ...] | None = None
) -> Localization:
    """An answer with a pose."""
    found = some_matches() if matches is None else matches
    return Localization(STAMP_NS, "front", None, pose, some_covariance(), 0.875, found, {}, orientation_known)


def rejected(pose: Pose | None = None, *, matches: tuple[Match, ...] = ()) -> Localization:
    """An answer without a pose that may be used; by default no map frame could be compared either."""
    covariance = None if pose is None else some_covariance()
    rejection = IMPROBABLE if matches else NoCandidate(prior_radius_m=3.0)
    return Localization(STAMP_NS, "front", rejection, pose, covariance, 0.125, matches)
