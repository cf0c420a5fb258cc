"""What wheels and a gyroscope believe: the drive with a drift, and how far that belief may be off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose
from vpr_ros.simulation.drive import StampedPose

Covariance = npt.NDArray[np.float64]


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
        forward_mps, left_mps, yaw_radps: its motion since the reading before, in base_link.
    """

    stamp_ns: int
    T_odom_base: Pose
    covariance: Covariance
    forward_mps: float = 0.0
    left_mps: float = 0.0
    yaw_radps: float = 0.0


def noisy_odometry(
    poses: Sequence[StampedPose], seed: int, noise: OdometryNoise | None = None
) -> tuple[OdometryReading, ...]:
    """Integrate the motion between poses with the errors of a driving robot.

    The motion model is Thrun, Burgard, Fox, "Probabilistic Robotics", 2005, section 5.4, with constant errors of wheel
    radius and gyroscope besides the noise. The covariance is that of an extended Kalman filter's prediction over x, y,
    yaw and the two constants, to first order.

    Args:
        poses: time and ``T_map_base``, on a plane.
        seed: of the errors.
        noise: how large they are.

    Returns:
        One reading for each pose; the first is the identity, with covariance zero.
    """
    noise = noise or OdometryNoise()
    rng = np.random.default_rng([seed, 111])
    scale = 1.0 + noise.scale * rng.standard_normal()
    drift = noise.yaw_drift_rad_per_m * rng.standard_normal()
    readings = [OdometryReading(stamp_ns, Pose((0.0, 0.0, 0.0)), np.zeros((3, 3))) for stamp_ns, _ in poses[:1]]
    spread = np.diag([0.0, 0.0, 0.0, noise.scale**2, noise.yaw_drift_rad_per_m**2])
    yaw = x = y = 0.0
    for (before_ns, before), (stamp_ns, now) in pairwise(poses):
        step = before.inverse().compose(now)
        turn = float(step.rotation.as_euler("ZYX")[0])
        travelled_m = math.hypot(step.position_m[0], step.position_m[1])
        stretch = scale * (1.0 + noise.slip * rng.standard_normal())
        forward, left = stretch * step.position_m[0], stretch * step.position_m[1]
        turned = turn + drift * travelled_m + noise.yaw_rad * math.sqrt(travelled_m) * rng.standard_normal()
        spread = _predict(spread, yaw, (forward, left), noise)
        x += forward * math.cos(yaw) - left * math.sin(yaw)
        y += forward * math.sin(yaw) + left * math.cos(yaw)
        yaw += turned
        rate = 1e9 / (stamp_ns - before_ns) if stamp_ns > before_ns else 0.0
        motion = (forward * rate, left * rate, turned * rate)
        readings.append(OdometryReading(stamp_ns, Pose.from_xy_yaw(x, y, yaw), spread[:3, :3].copy(), *motion))
    return tuple(readings)


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
