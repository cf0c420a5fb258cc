"""The pinhole camera and where it sits on the robot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import ConfigError
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


@dataclass(frozen=True)
class PinholeCamera:
    """A camera without distortion. Pixel centres have integer coordinates.

    Attributes:
        width_px, height_px: size of the image.
        fx_px, fy_px: focal lengths.
        cx_px, cy_px: principal point.
    """

    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float

    def __post_init__(self) -> None:
        """Refuse what no camera can be.

        Raises:
            ConfigError: a size or a focal length that is not positive.
        """
        if min(self.width_px, self.height_px) < 1 or not min(self.fx_px, self.fy_px) > 0:
            raise ConfigError(
                f"found a camera of {self.width_px}x{self.height_px} px, focal lengths {self.fx_px}, {self.fy_px} px",
                "All four must be positive",
            )

    @classmethod
    def from_fov(cls, width_px: int, height_px: int, horizontal_fov_rad: float = math.radians(75.0)) -> PinholeCamera:
        """Build from the horizontal field of view, with square pixels and the principal point in the middle.

        Raises:
            ConfigError: a field of view outside (0, pi).
        """
        if not 0.0 < horizontal_fov_rad < math.pi:
            raise ConfigError(
                f"found a horizontal field of view of {horizontal_fov_rad} rad", "Give one between 0 and pi"
            )
        focal_px = 0.5 * width_px / math.tan(0.5 * horizontal_fov_rad)
        return cls(width_px, height_px, focal_px, focal_px, (width_px - 1) / 2, (height_px - 1) / 2)

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """The (3, 3) intrinsic matrix K."""
        return np.array([[self.fx_px, 0.0, self.cx_px], [0.0, self.fy_px, self.cy_px], [0.0, 0.0, 1.0]])

    @property
    def inverse_matrix(self) -> npt.NDArray[np.float64]:
        """K^-1: homogeneous pixel to the point of its ray at depth 1."""
        return np.array(
            [
                [1.0 / self.fx_px, 0.0, -self.cx_px / self.fx_px],
                [0.0, 1.0 / self.fy_px, -self.cy_px / self.fy_px],
                [0.0, 0.0, 1.0],
            ]
        )
