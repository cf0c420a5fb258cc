"""The names of distortion models."""

from __future__ import annotations

import pytest

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.lens_names import camera_info_distortion, lens_named


def test_ros_and_euroc_are_understood() -> None:
    assert lens_named("plumb_bob") is lens_named("radial-tangential") is lens_named("") is Lens.BROWN_CONRADY
    assert lens_named("equidistant") is lens_named("Fisheye ") is Lens.KANNALA_BRANDT
    with pytest.raises(ConfigError, match="model 'omni', expected one of none, plumb_bob"):
        lens_named("omni")


@pytest.mark.parametrize(
    ("lens", "coefficients", "name", "length"),
    [
        (Lens.BROWN_CONRADY, 0, "plumb_bob", 5),
        (Lens.BROWN_CONRADY, 4, "plumb_bob", 5),
        (Lens.BROWN_CONRADY, 8, "rational_polynomial", 8),
        (Lens.BROWN_CONRADY, 12, "rational_polynomial", 12),
        (Lens.KANNALA_BRANDT, 4, "equidistant", 4),
    ],
)
def test_ros_is_told_as_ros_says_it(lens: Lens, coefficients: int, name: str, length: int) -> None:
    camera = CameraIntrinsics(8, 8, 4.0, 4.0, 4.0, 4.0, lens, (0.1,) * coefficients)
    assert camera_info_distortion(camera) == (name, [0.1] * coefficients + [0.0] * (length - coefficients))
    assert lens_named(name) is lens
