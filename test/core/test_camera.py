"""Pixels to rays and back, against numbers worked by hand and for lenses as they are published."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vpr_ros.core.camera import CameraIntrinsics, FloatArray, Lens
from vpr_ros.core.errors import ConfigError

BROWN, FISHEYE = Lens.BROWN_CONRADY, Lens.KANNALA_BRANDT
PINHOLE = CameraIntrinsics(640, 480, 500.0, 510.0, 319.5, 239.5)
EUROC = CameraIntrinsics(
    752, 480, 458.654, 457.296, 367.215, 248.375, BROWN, (-0.28340811, 0.07395907, 0.00019359, 1.76187114e-05)
)
TUM = CameraIntrinsics(640, 480, 517.3, 516.5, 318.6, 255.3, BROWN, (0.2624, -0.9531, -0.0054, 0.0026, 1.1633))
RATIONAL = CameraIntrinsics(
    1280, 720, 607.2, 607.1, 637.9, 366.7, BROWN, (0.56, -2.6, 0.0005, -0.0002, 1.48, 0.44, -2.42, 1.41)
)
PRISM = (-0.1, 0.01, 0.001, -0.001, 0.0, 0.0, 0.0, 0.0, 0.001, -0.0005, 0.0007, 0.0001)
THIN_PRISM = CameraIntrinsics(640, 480, 500.0, 500.0, 320.0, 240.0, BROWN, PRISM)
TILTED = CameraIntrinsics(640, 480, 500.0, 500.0, 320.0, 240.0, BROWN, (*PRISM, 0.01, -0.02))
TUM_VI = CameraIntrinsics(
    512, 512, 190.978, 190.973, 254.932, 256.897, FISHEYE, (0.0034823894, 0.0007150348, -0.0020532361, 0.00020293673)
)


def grid(camera: CameraIntrinsics) -> FloatArray:
    across, down = np.linspace(0, camera.width_px - 1, 41), np.linspace(0, camera.height_px - 1, 31)
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize("camera", [PINHOLE, EUROC, TUM, RATIONAL, THIN_PRISM, TILTED, TUM_VI])
def test_a_ray_projects_to_its_pixel_at_any_depth(camera: CameraIntrinsics) -> None:
    pixels = grid(camera)
    if camera is TUM_VI:  # wider than half a circle: its corners look back
        pixels = pixels[np.linalg.norm(pixels - (camera.cx_px, camera.cy_px), axis=1) < 290]
    rays = camera.unproject(pixels)
    depth_m = np.linspace(0.3, 60.0, len(rays))[:, None]
    assert np.all(rays[:, 2] == 1.0)
    np.testing.assert_allclose(camera.project(rays * depth_m), pixels, rtol=0, atol=1e-6)
    np.testing.assert_allclose(camera.undistorted.unproject(camera.undistort(pixels)), rays, rtol=0, atol=1e-9)


# Worked by hand, with focal lengths of 100 px and the centre at (50, 40).
@pytest.mark.parametrize(
    ("lens", "distortion", "point_m", "pixel"),
    [
        # x, y = 0.5, 0.25
        (BROWN, (), (1.0, 0.5, 2.0), (100.0, 65.0)),
        # r2 = 0.3125: 1 + 0.1 r2 = 1.03125; x: 0.515625 + 2 0.01 x y + 0.02 (r2 + 2 x2) = 0.534375;
        # y: 0.2578125 + 0.01 (r2 + 2 y2) + 2 0.02 x y = 0.2671875
        (BROWN, (0.1, 0.0, 0.01, 0.02), (1.0, 0.5, 2.0), (103.4375, 66.71875)),
        # x = 1, r2 = 1: 1 + 0.02 + 0.03 + 0.05
        (BROWN, (0.02, 0.03, 0.0, 0.0, 0.05), (2.0, 0.0, 2.0), (160.0, 40.0)),
        # x = 0.5, r2 = 0.25: 1 / (1 + r2) = 0.8
        (BROWN, (0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0), (0.5, 0.0, 1.0), (90.0, 40.0)),
        # x = 0.5: s1 r2 + s2 r4 = 0.025 + 0.0125, s3 r2 = 0.1
        (BROWN, (0.0,) * 8 + (0.1, 0.2, 0.4, 0.0), (0.5, 0.0, 1.0), (103.75, 50.0)),
        # 45 degrees: the angle itself, then with its cube
        (FISHEYE, (0.0,) * 4, (0.0, 3.0, 3.0), (50.0, 40.0 + 25 * math.pi)),
        (FISHEYE, (0.1, 0.0, 0.0, 0.0), (3.0, 0.0, 3.0), (50 + 100 * (math.pi / 4 + 0.1 * (math.pi / 4) ** 3), 40.0)),
    ],
)
def test_a_point_is_where_the_formula_says(
    lens: Lens, distortion: tuple[float, ...], point_m: tuple[float, ...], pixel: tuple[float, float]
) -> None:
    camera = CameraIntrinsics(200, 100, 100.0, 100.0, 50.0, 40.0, lens, distortion)
    np.testing.assert_allclose(camera.project([point_m]), [pixel], rtol=0, atol=1e-9)
    x, y, z = point_m
    np.testing.assert_allclose(camera.unproject([pixel]), [(x / z, y / z, 1.0)], rtol=0, atol=1e-9)
    np.testing.assert_allclose(camera.undistort([pixel]), [(50 + 100 * x / z, 40 + 100 * y / z)], rtol=0, atol=1e-7)


def test_what_nobody_sees_is_not_a_number() -> None:
    for camera in (PINHOLE, EUROC, TUM_VI):
        assert np.isnan(camera.project([(0.1, 0.1, -1.0), (0.1, 0.1, 0.0), (math.nan, 0.0, 1.0)])).all()
        assert np.isnan(camera.unproject([(math.nan, 3.0)])).all()
        assert camera.project(np.empty((0, 3))).shape == camera.undistort(np.empty((0, 2))).shape == (0, 2)
    barrel = CameraIntrinsics(200, 100, 100.0, 100.0, 50.0, 40.0, BROWN, (-0.3, 0.0, 0.0, 0.0))
    # r (1 - 0.3 r2) is at most 0.703, at r = 1.054; the cubic's other roots are no ray of these pixels
    assert np.isnan(barrel.unproject([(121.0, 40.0), (300.0, 40.0), (50.0, 500.0)])).all()
    assert np.isfinite(barrel.unproject([(119.0, 40.0)])).all()
    assert np.isnan(TUM_VI.unproject([(0.0, 0.0)])).all()  # behind the camera
    seen = PINHOLE.project([(0.1, 0.1, -1.0), (0.0, 0.0, 1.0)])
    assert np.isnan(seen[0]).all() and seen[1].tolist() == [319.5, 239.5]


def test_another_size_and_a_part_see_the_same() -> None:
    half = EUROC.scaled(376, 240)
    ray = EUROC.unproject([(100.0, 60.0)])
    # the corner of the image is at -0.5: (100 + 0.5) / 2 - 0.5
    np.testing.assert_allclose(half.project(ray), [(49.75, 29.75)], atol=1e-9)
    part = EUROC.cropped(20, 10, 400, 300)
    assert (part.width_px, part.height_px) == (400, 300)
    np.testing.assert_allclose(part.project(ray), [(80.0, 50.0)], atol=1e-9)


def test_the_field_of_view_is_that_of_the_outer_edges() -> None:
    camera = CameraIntrinsics.from_fov(200, 100, math.radians(90.0))
    assert (camera.fx_px, camera.fy_px) == pytest.approx((100.0, 100.0))
    assert (camera.cx_px, camera.cy_px) == (99.5, 49.5)
    np.testing.assert_allclose(camera.inverse_matrix @ camera.matrix, np.eye(3), atol=1e-12)
    with pytest.raises(ConfigError, match="field of view of 4"):
        CameraIntrinsics.from_fov(10, 10, 4.0)


def test_only_a_lens_bends() -> None:
    assert EUROC.has_distortion and TUM_VI.has_distortion
    assert not PINHOLE.has_distortion
    assert not CameraIntrinsics(8, 8, 1.0, 1.0, 4.0, 4.0, BROWN, (0.0,) * 5).has_distortion


@pytest.mark.parametrize("camera", [PINHOLE, RATIONAL, TUM_VI])
def test_what_is_written_is_read(camera: CameraIntrinsics) -> None:
    assert CameraIntrinsics.from_dict(camera.to_dict()) == camera


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"width_px": 0}, "camera of (0, 480) px"),
        ({"height_px": True}, "camera of (640, True) px"),
        ({"width_px": 640.0}, "camera of (640.0, 480) px"),
        ({"fx_px": 0.0}, "focal lengths (0.0, 510.0)"),
        ({"fy_px": math.nan}, "focal lengths (500.0, nan)"),
        ({"fx_px": "500"}, "focal lengths ('500', 510.0)"),
        ({"cx_px": math.inf}, "principal point (inf, 239.5)"),
        ({"distortion": [0.1, 0.2, 0.3]}, "3 coefficients of distortion, the model brown_conrady has 0 or 4"),
        ({"lens": "kannala_brandt"}, "0 coefficients of distortion, the model kannala_brandt has 4"),
        ({"distortion": [0.1, math.nan, 0.0, 0.0]}, "the distortion (0.1, nan"),
        ({"distortion": 0.1}, "with the distortion 0.1"),
        ({"lens": ["fisheye"]}, "the lens ['fisheye']"),
    ],
)
def test_what_no_camera_can_be_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        CameraIntrinsics.from_dict({**PINHOLE.to_dict(), **changed})
    assert message in caught.value.problem
    with pytest.raises(ConfigError, match="no table of width_px"):
        CameraIntrinsics.from_dict({"width_px": 640})
