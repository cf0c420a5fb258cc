"""What wheels and a gyroscope believe: the drive with a drift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vpr_ros.core.pose import Pose
from vpr_ros.simulation.drive import StampedPose


def noisy_odometry(
    poses: Sequence[StampedPose],
    seed: int,
    *,
    scale_error: float = 0.01,
    slip: float = 0.02,
    yaw_drift_rad_per_m: float = 0.0004,
    yaw_noise_rad: float = 0.002,
) -> tuple[StampedPose, ...]:
    """Integrate the motion between poses with the errors of a driving robot.

    The motion model is Thrun, Burgard, Fox, "Probabilistic Robotics", 2005, section 5.4, with constant
    errors of wheel radius and gyroscope besides the noise.

    Args:
        poses: time and ``T_map_base``, on a plane.
        seed: of the errors.
        scale_error: standard deviation of the constant relative error of distances.
        slip: standard deviation of the relative error of each single motion.
        yaw_drift_rad_per_m: standard deviation of the constant yaw error per metre.
        yaw_noise_rad: standard deviation of the yaw error per square root of a metre.

    Returns:
        Time and ``T_odom_base``; the first is the identity.
    """
    rng = np.random.default_rng([seed, 111])
    scale = 1.0 + scale_error * rng.standard_normal()
    drift = yaw_drift_rad_per_m * rng.standard_normal()
    believed = [(stamp_ns, Pose((0.0, 0.0, 0.0))) for stamp_ns, _ in poses[:1]]
    yaw = x = y = 0.0
    for (_, before), (stamp_ns, now) in pairwise(poses):
        step = before.inverse().compose(now)
        turn = float(step.rotation.as_euler("ZYX")[0])
        forward, left = step.position_m[0], step.position_m[1]
        travelled_m = math.hypot(forward, left)
        stretch = scale * (1.0 + slip * rng.standard_normal())
        x += stretch * (forward * math.cos(yaw) - left * math.sin(yaw))
        y += stretch * (forward * math.sin(yaw) + left * math.cos(yaw))
        yaw += turn + drift * travelled_m + yaw_noise_rad * math.sqrt(travelled_m) * rng.standard_normal()
        believed.append((stamp_ns, Pose.from_xy_yaw(x, y, yaw)))
    return tuple(believed)
