"""The calibration that a user names counts, whatever its format; what is none is one error with the formats."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.errors import ConfigError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.intrinsics_file import read_intrinsics

SIZE_PX = (64, 48)
PINHOLE = CameraIntrinsics(64, 48, 50.0, 51.0, 31.0, 23.5)
MATRIX = "50 0 31\n0 51 23.5\n0 0 1\n"
ROS = {
    "image_width": 64,
    "image_height": 48,
    "camera_name": "front",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [50.0, 0.0, 31.0, 0.0, 51.0, 23.5, 0.0, 0.0, 1.0]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, 0.0, 0.0, 0.0, 0.0]},
}
EUROC = {
    "resolution": [64, 48],
    "intrinsics": [50.0, 51.0, 31.0, 23.5],
    "distortion_model": "radial-tangential",
    "distortion_coefficients": [0.1, 0.0, 0.0, 0.0],
}


def ros(**changed: object) -> str:
    return yaml.safe_dump({**ROS, **changed})


def recording(folder: Path) -> Path:
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((48, 64, 3), 40 * number, np.uint8))
    (folder / "poses.csv").write_text("file,x_m,y_m,yaw_deg\n0.png,0,0,0\n1.png,1,0,0\n2.png,2,0,0\n")
    return folder


@pytest.mark.parametrize(
    ("content", "lens", "distortion"),
    [
        (MATRIX, Lens.BROWN_CONRADY, ()),
        ("# K\n5.0e+01, 0, 31\n0, 51, 23.5\n\n0, 0, 1", Lens.BROWN_CONRADY, ()),
        (ros(), Lens.BROWN_CONRADY, (0.1, 0.0, 0.0, 0.0, 0.0)),
        (
            ros(distortion_model="equidistant", distortion_coefficients={"data": [0.1, 0, 0, 0]}),
            Lens.KANNALA_BRANDT,
            (0.1, 0.0, 0.0, 0.0),
        ),
        (yaml.safe_dump(EUROC), Lens.BROWN_CONRADY, (0.1, 0.0, 0.0, 0.0)),
        (yaml.safe_dump(PINHOLE.to_dict()), Lens.BROWN_CONRADY, ()),
        ("# Camera list\n1 OPENCV 64 48 50 51 31.5 24 0.1 0 0 0\n", Lens.BROWN_CONRADY, (0.1, 0.0, 0.0, 0.0)),
    ],
    ids=["matrix", "matrix with commas", "ros", "ros fisheye", "euroc", "own", "colmap"],
)
def test_every_format_says_the_same(tmp_path: Path, content: str, lens: Lens, distortion: tuple[float, ...]) -> None:
    (tmp_path / "calibration").write_text(content)
    found = read_intrinsics(tmp_path / "calibration", SIZE_PX)
    assert (found.lens, found.distortion) == (lens, distortion)
    np.testing.assert_allclose(found.matrix, PINHOLE.matrix)
    assert (found.width_px, found.height_px) == SIZE_PX


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "no calibration of a camera"),
        ("7", "no calibration of a camera"),
        ("a: [", "calibration"),
        ("50 0 31\n0 51 23.5\n", "no calibration of a camera"),
        ("50 3 31\n0 51 23.5\n0 0 1\n", "found the matrix 50 3 31"),
        ("nan 0 31\n0 51 23.5\n0 0 1\n", "found the matrix nan"),
        ("-50 0 31\n0 51 23.5\n0 0 1\n", "focal lengths"),
        (ros(camera_matrix=[1, 2]), "found camera_matrix"),
        (ros(camera_matrix={"data": ["x"] * 9}), "not made of numbers"),
        (ros(image_width="wide"), "positive whole numbers"),
        (ros(distortion_model="brown"), "distortion model 'brown'"),
        (ros(distortion_coefficients={"data": [1.0]}), "coefficients of distortion"),
        ("1 OPENCV 64 48 50\n", "columns"),
        ("1 FOV 64 48 50 51 31 24 0.1\n2 PINHOLE 64 48 50 51 31 24\n", "line 1"),
    ],
)
def test_what_is_none_is_one_error(tmp_path: Path, content: str, found: str) -> None:
    (tmp_path / "calibration").write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_intrinsics(tmp_path / "calibration", SIZE_PX)
    assert found in caught.value.problem and str(tmp_path) in caught.value.problem and caught.value.remedy


def test_it_counts_in_place_of_the_recordings_own_and_is_scaled(tmp_path: Path) -> None:
    drive = recording(tmp_path / "drive")
    (drive / "camera.yaml").write_text(yaml.safe_dump(CameraIntrinsics(64, 48, 9.0, 9.0, 9.0, 9.0).to_dict()))
    (tmp_path / "k.txt").write_text(MATRIX)
    options = SourceOptions(intrinsics=tmp_path / "k.txt")
    assert [camera.intrinsics for camera in open_source(drive, options).cameras.values()] == [PINHOLE]
    (tmp_path / "twice.yaml").write_text(yaml.safe_dump(PINHOLE.scaled(128, 96).to_dict()))
    (camera,) = open_source(drive, SourceOptions(intrinsics=tmp_path / "twice.yaml")).cameras.values()
    assert camera.intrinsics is not None
    np.testing.assert_allclose(camera.intrinsics.matrix, PINHOLE.matrix)
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(PINHOLE.scaled(128, 48).to_dict()))
    with pytest.raises(ConfigError, match="128x48 px, these are of 64x48 px, which is another shape"):
        open_source(drive, SourceOptions(intrinsics=tmp_path / "wide.yaml"))
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        open_source(drive, SourceOptions(intrinsics=tmp_path / "none.yaml"))
