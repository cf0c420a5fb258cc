"""Where the simulated camera sits on the robot."""

from __future__ import annotations

from scipy.spatial.transform import Rotation

from vpr_ros.core.pose import Pose

_BASE_FROM_OPTICAL = Rotation.from_matrix([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def camera_mount(
    forward_m: float = 0.3,
    left_m: float = 0.0,
    height_m: float = 1.4,
    pitch_down_rad: float = 0.0,
    yaw_rad: float = 0.0,
) -> Pose:
    """Build ``T_base_camera`` of an optical frame (z forward, x right, y down) on a base (x forward, y left, z up).

    Args:
        forward_m, left_m, height_m: where the camera is in the base frame.
        pitch_down_rad: positive looks down.
        yaw_rad: positive looks left; pi looks back.
    """
    turned = Rotation.from_euler("ZY", [yaw_rad, pitch_down_rad])
    return Pose.from_rotation((forward_m, left_m, height_m), turned * _BASE_FROM_OPTICAL)


T_BASE_CAMERA = camera_mount()
"""The usual mount: 1.4 m above the ground, looking straight ahead."""
