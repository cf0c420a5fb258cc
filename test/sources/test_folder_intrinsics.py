# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Calibration files beside the images of a folder, as data sets publish them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from some_images import write_images

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.pose import Pose
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.recorded_source import RecordedSource

EUROC_NS = 1403636579763555584
EUROC_SENSOR = """
sensor_type: camera
T_BS:
  cols: 4
  rows: 4
  data: [0.0, 0.0, 1.0, 0.1, -1.0, 0.0, 0.0, 0.2, 0.0, -1.0, 0.0, 0.3, 0.0, 0.0, 0.0, 1.0]
rate_hz: 20
resolution: [752, 480]
camera_model: pinhole
intrinsics: [458.654, 457.296, 367.215, 248.375] #fu, fv, cu, cv
distortion_model: radial-tangential
distortion_coefficients: [-0.28340811, 0.07395907, 0.00019359, 1.76187114e-05]
"""
CAM0 = CameraIntrinsics(
    752,
    480,
    458.654,
    457.296,
    367.215,
    248.375,
    Lens.BROWN_CONRADY,
    (-0.28340811, 0.07395907, 0.00019359, 1.76187114e-05),
)
UNPOSED = SourceOptions(require_poses=False)


def euroc(folder: Path, sensor: str, size_px: tuple[int, int] = (752, 480)) -> RecordedSource:
    write_images(folder / "cam0" / "data", [f"{EUROC_NS}.png"], *size_px)
    (folder / "cam0" / "data.csv").write_text(f"#timestamp [ns],filename\n{EUROC_NS},{EUROC_NS}.png\n")
    (folder / "cam0" / "sensor.yaml").write_text(sensor)
    return open_source(folder, UNPOSED)


def seen(source: RecordedSource) -> CameraIntrinsics | None:
    return source.cameras["camera"].intrinsics


def test_euroc_sensor_yaml(tmp_path: Path) -> None:
    source = euroc(tmp_path, EUROC_SENSOR)
    assert seen(source) == CAM0
    assert source.cameras["camera"].T_base_camera is not None
    assert source.warnings == ()


def test_euroc_fisheye(tmp_path: Path) -> None:
    sensor = EUROC_SENSOR.replace("radial-tangential", "equidistant")
    found = seen(euroc(tmp_path, sensor))
    assert found is not None and found.lens is Lens.KANNALA_BRANDT


def test_images_of_another_size_are_scaled_and_those_of_another_shape_are_not(tmp_path: Path) -> None:
    half = euroc(tmp_path / "half", EUROC_SENSOR, (376, 240))
    assert seen(half) == CAM0.scaled(376, 240)
    assert "images of 752x480 px, these are of 376x240 px: it is scaled" in half.warnings[0]
    cut = euroc(tmp_path / "cut", EUROC_SENSOR, (376, 241))
    assert seen(cut) is None
    assert "376x241 px, which is another shape: their intrinsics are not known" in cut.warnings[0]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[458.654, 457.296,", "[0.0, 457.296,", "found the focal lengths (0.0, 457.296) px"),
        ("[458.654, 457.296,", "[.nan, 457.296,", "found the focal lengths (nan"),
        ("[458.654, 457.296, 367.215, 248.375]", "[458.654]", "found intrinsics '[458.654]', expected a list of 4"),
        ("0.07395907, ", "", "found 3 coefficients of distortion"),
        ("radial-tangential", "fov", "found the distortion model 'fov'"),
        ("pinhole", "omni", "found the camera model 'omni', expected 'pinhole'"),
        ("resolution: [752, 480]\n", "", "it has no resolution"),
        ("[752, 480]", "[[752], 480]", "found a camera of ([752], 480) px"),
    ],
)
def test_a_calibration_that_cannot_be_is_told_and_not_used(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    source = euroc(tmp_path, EUROC_SENSOR.replace(old, new))
    assert seen(source) is None
    assert len(source) == 1
    [warning] = source.warnings
    assert "sensor.yaml are not used: " in warning and sentence in warning


def kitti(folder: Path, calibration: str) -> RecordedSource:
    write_images(folder / "image_2", ["000000.png"], 62, 19)
    (folder / "times.txt").write_text("0.0\n")
    (folder / "calib.txt").write_text(calibration)
    return open_source(folder, UNPOSED)


def test_kitti_odometry_calib(tmp_path: Path) -> None:
    lines = [f"P{k}: {700 + k} 0.0 60{k}.5 -{k} 0.0 {710 + k} 18{k}.0 0.0 0.0 0.0 1.0 0.0\n" for k in range(4)]
    assert seen(kitti(tmp_path / "00", "".join(lines))) == CameraIntrinsics(62, 19, 702.0, 712.0, 602.5, 182.0)
    source = kitti(tmp_path / "01", lines[0])
    assert seen(source) is None
    assert "calib.txt are not used: it has no line P2 with 12 numbers" in source.warnings[0]


RAW = """calib_time: 09-Jan-2012 13:57:47
S_02: 1.392000e+03 5.120000e+02
K_02: 959.791 0.0 696.0217 0.0 956.9251 224.1806 0.0 0.0 1.0
D_02: -3.691481e-01 1.968681e-01 1.353473e-03 5.677587e-04 -6.770705e-02
S_rect_02: 1.242000e+03 3.750000e+02
P_rect_02: 721.5377 0.0 609.5593 44.85728 0.0 721.5377 172.854 0.2163791 0.0 0.0 1.0 0.002745884
"""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sync", CameraIntrinsics(1242, 375, 721.5377, 721.5377, 609.5593, 172.854)),
        (
            "extract",
            CameraIntrinsics(
                1392,
                512,
                959.791,
                956.9251,
                696.0217,
                224.1806,
                Lens.BROWN_CONRADY,
                (-0.3691481, 0.1968681, 0.001353473, 0.0005677587, -0.06770705),
            ),
        ),
    ],
)
def test_kitti_raw_calibration_lies_beside_the_drives(tmp_path: Path, kind: str, expected: CameraIntrinsics) -> None:
    day = tmp_path / "2011_09_26"
    camera = day / f"2011_09_26_drive_0001_{kind}" / "image_02"
    write_images(camera / "data", ["0000000000.png"], expected.width_px, expected.height_px)
    (camera / "timestamps.txt").write_text("2011-09-26 13:02:25.964389445\n")
    (day / "calib_cam_to_cam.txt").write_text(RAW)
    for opened in (camera.parent, camera):
        assert seen(open_source(opened, UNPOSED)) == expected


def colmap(folder: Path, *cameras: str) -> RecordedSource:
    write_images(folder / "images", ["a.png"], 64, 48)
    lines = "".join(f"{number} {camera}\n" for number, camera in enumerate(cameras, 1))
    (folder / "cameras.txt").write_text(f"# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n{lines}")
    (folder / "images.txt").write_text("1 1 0 0 0 0 0 0 1 a.png\n\n")
    return open_source(folder / "images", SourceOptions(poses=folder / "images.txt"))


@pytest.mark.parametrize(
    ("line", "focal_px", "lens", "distortion"),
    [
        ("SIMPLE_PINHOLE 64 48 50 32 24", (50, 50), Lens.BROWN_CONRADY, ()),
        ("PINHOLE 64 48 50 51 32 24", (50, 51), Lens.BROWN_CONRADY, ()),
        ("SIMPLE_RADIAL 64 48 50 32 24 0.1", (50, 50), Lens.BROWN_CONRADY, (0.1, 0, 0, 0)),
        ("RADIAL 64 48 50 32 24 0.1 0.2", (50, 50), Lens.BROWN_CONRADY, (0.1, 0.2, 0, 0)),
        ("OPENCV 64 48 50 51 32 24 0.1 0.2 0.3 0.4", (50, 51), Lens.BROWN_CONRADY, (0.1, 0.2, 0.3, 0.4)),
        ("FULL_OPENCV 64 48 50 51 32 24 1 2 3 4 5 6 7 8", (50, 51), Lens.BROWN_CONRADY, (1, 2, 3, 4, 5, 6, 7, 8)),
        ("SIMPLE_RADIAL_FISHEYE 64 48 50 32 24 0.1", (50, 50), Lens.KANNALA_BRANDT, (0.1, 0, 0, 0)),
        ("OPENCV_FISHEYE 64 48 50 51 32 24 0.1 0.2 0.3 0.4", (50, 51), Lens.KANNALA_BRANDT, (0.1, 0.2, 0.3, 0.4)),
    ],
)
def test_colmap_models(
    tmp_path: Path, line: str, focal_px: tuple[float, float], lens: Lens, distortion: tuple[float, ...]
) -> None:
    # COLMAP's centre of the image is (32, 24), between two pixels whose centres are 31 and 32 here
    assert seen(colmap(tmp_path, line)) == CameraIntrinsics(64, 48, *focal_px, 31.5, 23.5, lens, distortion)


@pytest.mark.parametrize(
    ("cameras", "sentence"),
    [
        (["FOV 64 48 50 50 32 24 0.1"], "line 2 is '1 FOV 64 48"),
        (["PINHOLE 64 48 50 51 32"], "line 2 has 7 columns, expected 8"),
        (["PINHOLE 64.5 48 50 51 32 24"], "line 2 has no size of an image"),
        (["PINHOLE 64 48 50 51 32 24", "PINHOLE 64 48 60 51 32 24"], "it holds 2 cameras that differ"),
        (["PINHOLE 64 48 50 51 32 24" + " " * (1 << 22)], "holds more than 4194304 bytes"),
    ],
)
def test_colmap_cameras_that_cannot_be_used_are_told(tmp_path: Path, cameras: list[str], sentence: str) -> None:
    source = colmap(tmp_path, *cameras)
    assert seen(source) is None and len(source) == 1
    assert sentence in source.warnings[0]


def test_a_simulated_drive_says_how_it_was_seen(tmp_path: Path) -> None:
    camera = CameraIntrinsics.from_fov(64, 48)
    write_images(tmp_path / "images", ["1.png"], 64, 48)
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump({"description": "a town", **camera.to_dict()}))
    assert seen(open_source(tmp_path / "images", UNPOSED)) == camera
    (tmp_path / "camera.yaml").write_text("camera: of somebody else\n")
    source = open_source(tmp_path / "images", UNPOSED)
    assert seen(source) is None and source.warnings == ()


def test_a_simulated_drive_says_where_its_camera_sits(tmp_path: Path) -> None:
    """The poses are those of the robot: without the mount nothing is triangulated from where it was seen."""
    described = CameraIntrinsics.from_fov(64, 48).to_dict()
    mount = {"position_m": [0.1, 0.0, 1.5], "quat_xyzw": [-0.5, 0.5, -0.5, 0.5]}
    write_images(tmp_path / "images", ["1.png"], 64, 48)
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump({**described, "T_base_camera": mount}))
    (camera,) = open_source(tmp_path / "images", UNPOSED).cameras.values()
    assert camera.T_base_camera == Pose((0.1, 0.0, 1.5), (-0.5, 0.5, -0.5, 0.5))
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump({**described, "T_base_camera": {"position_m": [1, 2]}}))
    source = open_source(tmp_path / "images", UNPOSED)
    assert next(iter(source.cameras.values())).T_base_camera is None
    assert "T_base_camera of" in source.warnings[0]


@pytest.mark.parametrize(
    ("position_m", "quat_xyzw", "sentence"),
    [
        ([0.1, 0.0, 1.5], [1.0, 1.0, 0.0, 0.0], "has a quaternion of length 1.414, expected 1"),
        ([0.1, 0.0, 1.5], [0.0, 0.0, 0.0, 0.0], "is not finite"),
        ([float("nan"), 0.0, 1.5], [0.0, 0.0, 0.0, 1.0], "is not finite"),
        ([1e6, 0.0, 1.5], [0.0, 0.0, 0.0, 1.0], "is 1e+06 m from the base"),
    ],
)
def test_a_place_where_no_camera_can_sit_is_told_and_not_used(
    tmp_path: Path, position_m: list[float], quat_xyzw: list[float], sentence: str
) -> None:
    mount = {"position_m": position_m, "quat_xyzw": quat_xyzw}
    write_images(tmp_path / "images", ["1.png"], 64, 48)
    described = {**CameraIntrinsics.from_fov(64, 48).to_dict(), "T_base_camera": mount}
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump(described))
    source = open_source(tmp_path / "images", UNPOSED)
    assert next(iter(source.cameras.values())).T_base_camera is None
    (warning,) = source.warnings
    assert f"T_base_camera of {tmp_path / 'camera.yaml'} is not used: it {sentence}" in warning


def test_a_calibration_makes_no_other_recording_of_the_same_images(tmp_path: Path) -> None:
    """A build knows by the description whether a session is in the map already: see ``mapping.build_inputs``."""
    write_images(tmp_path / "images", ["1.png"], 64, 48)
    before = open_source(tmp_path / "images", UNPOSED)
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump(CameraIntrinsics.from_fov(48, 48).to_dict()))
    after = open_source(tmp_path / "images", UNPOSED)
    assert "their intrinsics are not known" in after.warnings[0]
    assert after.description == before.description
