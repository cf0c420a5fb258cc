# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What wheels and a gyroscope believe: the drive with a drift, and how far that belief may be off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.simulation.drive import StampedPose

Covariance = npt.NDArray[np.float64]

UNMEASURED_VARIANCE: Final = 1e4
"""(m/s)² and (rad/s)² of a motion nobody measured: far beyond what a robot does."""


@dataclass(frozen=True)
class OdometryNoise:
    """Standard deviations of the errors of a driving robot.

    Attributes:
        scale: constant relative error of distances, a wrong wheel radius.
        slip: relative error of each single motion.
        yaw_drift_rad_per_m: constant yaw error per metre, a biased gyroscope.
        yaw_rad: yaw error per square root of a metre.
    """

    scale: float = 0.01
    slip: float = 0.02
    yaw_drift_rad_per_m: float = 0.0004
    yaw_rad: float = 0.002


@dataclass(frozen=True, eq=False)
class OdometryReading:
    """What the robot believes at one time.

    Attributes:
        stamp_ns: the time.
        T_odom_base: where it is, from where it began.
        covariance: (3, 3) of x, y (m) and yaw (rad), in odom.
        twist_covariance: (3, 3) of the three velocities; ``UNMEASURED_VARIANCE`` where there was no motion yet.
        forward_mps, left_mps, yaw_radps: its motion since the reading before, in base_link.
    """

    stamp_ns: int
    T_odom_base: Pose
    covariance: Covariance
    twist_covariance: Covariance
    forward_mps: float = 0.0
    left_mps: float = 0.0
    yaw_radps: float = 0.0

    def played(self, speed: float) -> OdometryReading:
        """The same motion made *speed* times as fast, as it is by another clock."""
        return replace(
            self,
            twist_covariance=speed**2 * self.twist_covariance,
            forward_mps=speed * self.forward_mps,
            left_mps=speed * self.left_mps,
            yaw_radps=speed * self.yaw_radps,
        )


def noisy_odometry(
    poses: Sequence[StampedPose], seed: int, noise: OdometryNoise | None = None
) -> tuple[OdometryReading, ...]:
    """Integrate the motion between poses with the errors of a driving robot.

    The motion model is Thrun, Burgard, Fox, "Probabilistic Robotics", 2005, section 5.4, with constant errors of wheel
    radius and gyroscope besides the noise. The covariance is that of an extended Kalman filter's prediction over x, y,
    yaw and the two constants, to first order. That of the velocities counts the constants too: who reads one velocity
    does not know them.

    Args:
        poses: time, strictly increasing, and ``T_map_base``, on a plane.
        seed: of the errors.
        noise: how large they are.

    Returns:
        One reading for each pose; the first is the identity, with covariance zero and a motion that is not measured.
    """
    noise = noise or OdometryNoise()
    rng = np.random.default_rng([seed, 111])
    scale = 1.0 + noise.scale * rng.standard_normal()
    drift = noise.yaw_drift_rad_per_m * rng.standard_normal()
    origin, unmeasured = Pose((0.0, 0.0, 0.0)), UNMEASURED_VARIANCE * np.eye(3)
    readings = [OdometryReading(stamp_ns, origin, np.zeros((3, 3)), unmeasured) for stamp_ns, _ in poses[:1]]
    spread = np.diag([0.0, 0.0, 0.0, noise.scale**2, noise.yaw_drift_rad_per_m**2])
    yaw = x = y = 0.0
    for (before_ns, before), (stamp_ns, now) in pairwise(poses):
        step = before.between(now)
        turn = float(step.rotation.as_euler("ZYX")[0])
        travelled_m = math.hypot(step.position_m[0], step.position_m[1])
        stretch = scale * (1.0 + noise.slip * rng.standard_normal())
        forward, left = stretch * step.position_m[0], stretch * step.position_m[1]
        turned = turn + drift * travelled_m + noise.yaw_rad * math.sqrt(travelled_m) * rng.standard_normal()
        spread = _predict(spread, yaw, (forward, left), noise)
        x += forward * math.cos(yaw) - left * math.sin(yaw)
        y += forward * math.sin(yaw) + left * math.cos(yaw)
        yaw += turned
        rate_hz = NS_PER_S / (stamp_ns - before_ns)
        twist = (forward * rate_hz, left * rate_hz, turned * rate_hz)
        twist_spread = rate_hz**2 * _motion_covariance((forward, left), noise)
        here = Pose.from_xy_yaw(x, y, yaw)
        readings.append(OdometryReading(stamp_ns, here, spread[:3, :3].copy(), twist_spread, *twist))
    return tuple(readings)


def _motion_covariance(motion_m: tuple[float, float], noise: OdometryNoise) -> Covariance:
    """Of one motion on its own: (3, 3) of forward and left (m) and turn (rad)."""
    travelled_m = math.hypot(*motion_m)
    stretched = np.array([*motion_m, 0.0])
    covariance: Covariance = (noise.scale**2 + noise.slip**2) * np.outer(stretched, stretched)
    covariance[2, 2] = (noise.yaw_drift_rad_per_m * travelled_m) ** 2 + noise.yaw_rad**2 * travelled_m
    return covariance


def _predict(spread: Covariance, yaw_rad: float, motion_m: tuple[float, float], noise: OdometryNoise) -> Covariance:
    """One prediction step: covariance (5, 5) of x, y, yaw, scale and drift."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    dx, dy = motion_m[0] * cos - motion_m[1] * sin, motion_m[0] * sin + motion_m[1] * cos
    travelled_m = math.hypot(*motion_m)
    step = np.eye(5)
    step[0, 2:4] = -dy, dx
    step[1, 2:4] = dx, dy
    step[2, 4] = travelled_m
    slip = noise.slip * np.array([dx, dy, 0.0, 0.0, 0.0])
    grown: Covariance = step @ spread @ step.T + np.outer(slip, slip)
    grown[2, 2] += noise.yaw_rad**2 * travelled_m
    return grown
