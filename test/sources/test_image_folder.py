"""Folders of images with every kind of trajectory."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from some_images import write_images

from vpr_ros.core.errors import ClockError, FrameDecodeError, SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources import SourceOptions, open_source

STAMPED = ["100.000000", "100.500000", "101.000000"]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def poses_of(folder: Path, trajectory: Path | None = None, **options: object) -> list[Pose | None]:
    source = open_source(folder, SourceOptions(poses=trajectory, **options))  # type: ignore[arg-type]
    return [record.T_map_base for record in source]


def test_tum_is_interpolated_to_the_times_in_the_names(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", [f"{stamp}.png" for stamp in STAMPED])
    tum = write(tmp_path / "t.txt", "# stamp x y z qx qy qz qw\n99 0 0 0 0 0 0 1\n102 3 0 0 0 0 1 0\n")
    poses = poses_of(folder, tum, max_gap_s=5.0)
    assert [pose.position_m[0] for pose in poses if pose] == pytest.approx([1.0, 1.5, 2.0])
    assert poses[1] is not None
    assert poses[1].angle_rad(Pose((0, 0, 0))) == pytest.approx(math.pi / 2)


def test_tum_with_one_line_per_numbered_image_goes_by_order(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["frame9.jpg", "frame10.jpg"])
    tum = write(tmp_path / "t.txt", "0.0 1 0 0 0 0 0 1\n0.1 2 0 0 0 0 0 1\n")
    assert [pose.position_m[0] for pose in poses_of(folder, tum) if pose] == [1.0, 2.0]
    short = write(tmp_path / "short.txt", "0.0 1 0 0 0 0 0 1\n")
    with pytest.raises(SourceError, match=r"1 poses.*2 images"):
        poses_of(folder, short)


def test_clocks_that_never_meet_name_both_ranges(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", [f"{stamp}.png" for stamp in STAMPED])
    tum = write(tmp_path / "t.txt", "1 0 0 0 0 0 0 1\n2 3 0 0 0 0 1 0\n")
    with pytest.raises(ClockError, match=r"\[100\.000, 101\.000\].*\[1\.000, 2\.000\]"):
        poses_of(folder, tum)


def test_kitti(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["000000.png", "000001.png"])
    kitti = write(tmp_path / "poses.txt", "1 0 0 5 0 1 0 6 0 0 1 7\n0 -1 0 8 1 0 0 9 0 0 1 10\n")
    first, second = poses_of(folder, kitti)
    assert first is not None
    assert second is not None
    assert first.position_m == (5.0, 6.0, 7.0)
    assert second.angle_rad(first) == pytest.approx(math.pi / 2)


def test_euroc(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "cam0", ["1403636579763555584.png"])
    euroc = write(
        tmp_path / "data.csv",
        "#timestamp, p_x [m], p_y [m], p_z [m], q_w [], q_x [], q_y [], q_z []\n"
        "1403636579763555584,4.5,-1.8,0.9,1.0,0.0,0.0,0.0\n",
    )
    (pose,) = poses_of(folder, euroc)
    assert pose is not None
    assert pose.position_m == (4.5, -1.8, 0.9)
    assert pose.quat_xyzw == pytest.approx((0, 0, 0, 1))


def test_colmap_is_inverted(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.jpg", "b.jpg"])
    T_camera_world = Pose.from_rotation((1.0, 2.0, 3.0), Rotation.from_euler("z", 90, degrees=True))
    assert T_camera_world.quat_xyzw is not None
    x, y, z, w = T_camera_world.quat_xyzw
    colmap = write(
        tmp_path / "images.txt", f"# Image list\n1 {w} {x} {y} {z} 1 2 3 1 a.jpg\n1.0 2.0 -1 3.0 4.0 5\n"
        f"2 {w} {x} {y} {z} 1 2 3 1 b.jpg\n\n",
    )  # fmt: skip
    pose = poses_of(folder, colmap)[1]
    assert pose is not None
    np.testing.assert_allclose(pose.position_m, T_camera_world.inverse().position_m, atol=1e-9)


def test_csv_in_metres_and_in_degrees(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.JPG", "sub/b.png"])
    metres = write(tmp_path / "m.csv", "file,x_m,y_m,yaw_deg\na.JPG,1,2,90\nsub/b.png,3,4,0\n")
    first = poses_of(folder, metres)[0]
    assert first is not None
    assert first.position_m == (1.0, 2.0, 0.0)
    assert first.angle_rad(Pose((0, 0, 0))) == pytest.approx(math.pi / 2)
    degrees = write(tmp_path / "d.csv", "file,lat,lon\na.JPG,48.0,11.0\nb.png,48.0001,11.0\n")
    source = open_source(folder, SourceOptions(poses=degrees))
    positions = [record.T_map_base.position_m for record in source if record.T_map_base]
    assert source.datum is not None
    assert source.datum.latitude_deg == 48.0
    assert positions[1][1] == pytest.approx(11.12, abs=0.02)


def test_csv_without_a_column_says_which_are_expected(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png"])
    with pytest.raises(SourceError, match=r"file, east.*x_m,y_m"):
        poses_of(folder, write(tmp_path / "c.csv", "file,east\na.png,1\n"))
    with pytest.raises(SourceError, match="x_m is 'abc'"):
        poses_of(folder, write(tmp_path / "c.csv", "file,x_m,y_m\na.png,abc,1\n"))
    with pytest.raises(SourceError, match=r"names none of the images.*'z\.png'"):
        poses_of(folder, write(tmp_path / "c.csv", "file,x_m,y_m\nz.png,0,1\n"))


def test_vpr_folder_names(tmp_path: Path) -> None:
    long = "@0584100.21@4477400.31@17@T@40.44@-80.0@pano@0@90@@@@2014@@.jpg"
    folder = write_images(tmp_path / "database", [long, "@0584200@4477500@.jpg"])
    first, second = poses_of(folder)
    assert first is not None
    assert second is not None
    assert first.position_m[:2] == (584100.21, 4477400.31)
    assert first.angle_rad(Pose((0, 0, 0))) == pytest.approx(0.0, abs=1e-9)
    assert not second.has_orientation


def test_no_poses(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png"])
    with pytest.raises(SourceError, match="--poses"):
        poses_of(folder)
    assert poses_of(folder, require_poses=False) == [None]


def test_an_empty_folder_and_a_wrong_path(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match="found nothing"):
        open_source(tmp_path / "absent")


def test_images_are_decoded_only_when_asked(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png", "b.png"])
    (folder / "b.png").write_bytes(b"not an image")
    good, bad = open_source(folder, SourceOptions(require_poses=False))
    assert good.load().image_rgb.shape == (4, 6, 3)
    with pytest.raises(FrameDecodeError, match=r"b\.png"):
        bad.load()
