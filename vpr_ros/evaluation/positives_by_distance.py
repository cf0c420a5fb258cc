# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Positives by metres and, where asked, degrees between the true poses (docs/methods.md 5.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.options import check_options, option
from vpr_ros.core.pose import FloatArray, Pose
from vpr_ros.evaluation.positives import IntArray, Positives

DEFAULT_RADIUS_M = 25.0
_ANGLE_SLACK_RAD = 1e-9  # a map frame at exactly the threshold counts, whatever the last bits of its quaternion


@dataclass(frozen=True)
class PoseThreshold:
    """How near a map frame must lie to count as correct."""

    radius_m: float = option(
        DEFAULT_RADIUS_M, "largest distance between the two positions (inclusive)", unit="m", minimum=0.0
    )
    angle_rad: float | None = option(
        None,
        "largest angle between the two orientations (inclusive); without one the heading does not count",
        unit="rad",
        minimum=0.0,
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be a threshold.

        Raises:
            ConfigError: see ``Option.checked``.
        """
        check_options(self)

    @classmethod
    def parse(cls, text: str) -> PoseThreshold:
        """Read ``M`` or ``M,DEG``: metres, and degrees where the heading counts.

        Raises:
            ConfigError: anything else.
        """
        try:
            radius_m, *angles_deg = (float(part) for part in text.split(","))
            (angle_rad,) = map(math.radians, angles_deg or [math.nan])
            return cls(radius_m, angle_rad if angles_deg else None)
        except (ValueError, ConfigError) as error:
            raise ConfigError(
                f"threshold {text!r} is not M or M,DEG of finite numbers, 0 or more", "Give for example 25 or 0.3,30"
            ) from error

    def admits(self, T_map_base: Pose, truth: Pose) -> bool:
        """Whether a match at *T_map_base* is a correct one: what ``positives_by_distance`` says of every map frame.

        Raises:
            ConfigError: the angle counts and one of the two has no orientation.
        """
        position_m, true_m = (np.array([pose.position_m]) for pose in (T_map_base, truth))
        quat, true_quat = (np.array([pose.quat_xyzw or (np.nan,) * 4]) for pose in (T_map_base, truth))
        return bool(positives_by_distance(position_m, true_m, self, quat, true_quat).answerable[0])

    @property
    def twice(self) -> PoseThreshold:
        """Up to where a match that is not correct is a near miss: the right scene, seen from too far."""
        angle_rad = None if self.angle_rad is None else min(2.0 * self.angle_rad, math.pi)
        return PoseThreshold(2.0 * self.radius_m, angle_rad)

    @property
    def rule(self) -> str:
        """When a map frame is correct, in words."""
        return f"a map frame {self}"

    def __str__(self) -> str:
        heading = "" if self.angle_rad is None else f" and {np.rad2deg(self.angle_rad):g} deg"
        return f"within {self.radius_m:g} m{heading}"


def positives_by_distance(
    map_position_m: FloatArray,
    query_position_m: FloatArray,
    threshold: PoseThreshold,
    map_quat_xyzw: FloatArray | None = None,
    query_quat_xyzw: FloatArray | None = None,
) -> Positives:
    """Find the map frames near each query, and those within twice of that.

    Args:
        map_position_m: (N, D) with D = 2 or 3; rows that are not finite are never correct.
        query_position_m: (Q, D); rows that are not finite have no answer.
        threshold: radius and, optionally, angle.
        map_quat_xyzw: (N, 4), a NaN row = unknown. Needed when the angle counts.
        query_quat_xyzw: (Q, 4), the same.

    Raises:
        ConfigError: the angle counts and one side knows no orientation at all.
    """
    near = _near(map_position_m, query_position_m, threshold, map_quat_xyzw, query_quat_xyzw)
    around = _near(map_position_m, query_position_m, threshold.twice, map_quat_xyzw, query_quat_xyzw)
    known = np.asarray(np.isfinite(query_position_m).all(axis=1))
    same_scene = [np.unique(rows) if is_known else None for rows, is_known in zip(around, known, strict=True)]
    found = Positives.from_lists(near, threshold.rule, same_scene)
    return replace(found, scene_radius_m=threshold.twice.radius_m)


def _near(
    map_position_m: FloatArray,
    query_position_m: FloatArray,
    threshold: PoseThreshold,
    map_quat_xyzw: FloatArray | None,
    query_quat_xyzw: FloatArray | None,
) -> list[IntArray]:
    map_known = np.flatnonzero(np.isfinite(map_position_m).all(axis=1))
    query_known = np.asarray(np.isfinite(query_position_m).all(axis=1))
    tree = cKDTree(np.asarray(map_position_m[map_known], dtype=np.float64))
    near: list[IntArray] = []
    for position_m, known in zip(np.asarray(query_position_m, dtype=np.float64), query_known, strict=True):
        found = tree.query_ball_point(position_m, threshold.radius_m) if known else []
        near.append(map_known[np.asarray(found, dtype=np.int64)])
    if threshold.angle_rad is not None:
        map_quat, query_quat = _orientations(map_quat_xyzw, "the map"), _orientations(query_quat_xyzw, "the queries")
        near = [
            rows[_angles_rad(map_quat[rows], quat) <= threshold.angle_rad + _ANGLE_SLACK_RAD]
            for rows, quat in zip(near, query_quat, strict=True)
        ]
    return near


def _orientations(quat_xyzw: FloatArray | None, whose: str) -> FloatArray:
    if quat_xyzw is None or not np.isfinite(quat_xyzw).all(axis=1).any():
        raise ConfigError(
            f"the threshold asks for degrees, but {whose} have no orientation",
            "Give poses with orientation, or a threshold in metres alone",
        )
    return quat_xyzw


def _angles_rad(quats_xyzw: npt.NDArray[np.float64], quat_xyzw: FloatArray) -> FloatArray:
    """(P, 4) against (4,): (P,) angles, NaN where either is unknown (and NaN is never below a threshold)."""
    angles = np.full(len(quats_xyzw), np.nan)
    known = np.isfinite(quats_xyzw).all(axis=1) & np.isfinite(quat_xyzw).all()
    if known.any():
        difference = Rotation.from_quat(quats_xyzw[known]) * Rotation.from_quat(quat_xyzw).inv()
        angles[known] = difference.magnitude()
    return angles
