"""What ROS, EuRoC and others call the distortion of a lens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.errors import ConfigError

LENS_NAMES: Final[Mapping[str, Lens]] = {
    "": Lens.BROWN_CONRADY,
    "none": Lens.BROWN_CONRADY,
    "plumb_bob": Lens.BROWN_CONRADY,
    "rational_polynomial": Lens.BROWN_CONRADY,
    "thin_prism": Lens.BROWN_CONRADY,
    "radtan": Lens.BROWN_CONRADY,
    "radial-tangential": Lens.BROWN_CONRADY,
    "brown_conrady": Lens.BROWN_CONRADY,
    "equidistant": Lens.KANNALA_BRANDT,
    "fisheye": Lens.KANNALA_BRANDT,
    "kannala_brandt": Lens.KANNALA_BRANDT,
}
_PLUMB_BOB: Final = 5
_RATIONAL: Final = 8


def lens_named(name: str) -> Lens:
    """The model that is called *name*, in ``sensor_msgs/CameraInfo`` or in a calibration file.

    Raises:
        ConfigError: nobody calls it so.
    """
    try:
        return LENS_NAMES[name.strip().lower()]
    except KeyError:
        known = ", ".join(name for name in LENS_NAMES if name)
        raise ConfigError(
            f"found the distortion model {name[:80]!r}, expected one of {known}", "Calibrate with one of these"
        ) from None


def camera_info_distortion(intrinsics: CameraIntrinsics) -> tuple[str, list[float]]:
    """``distortion_model`` and ``d`` of a ``sensor_msgs/CameraInfo``."""
    coefficients = list(intrinsics.distortion)
    if intrinsics.lens is Lens.KANNALA_BRANDT:
        return "equidistant", coefficients
    length = _PLUMB_BOB if len(coefficients) <= _PLUMB_BOB else max(_RATIONAL, len(coefficients))
    name = "plumb_bob" if length == _PLUMB_BOB else "rational_polynomial"
    return name, coefficients + [0.0] * (length - len(coefficients))
