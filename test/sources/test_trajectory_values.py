"""Values no trajectory should hold: the message names file and line and says what to do; lost poses are counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from some_images import write_images

from vpr_ros.core.errors import SourceError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.recorded_source import RecordedSource

COLMAP = "1 1 0 0 0 1 2 3 1 a.png\n\n2 {quaternion} 1 2 3 1 b.png\n\n"
TUM = "0.0 1 0 0 0 0 0 1\n{line}\n"
KITTI = "1 0 0 5 0 1 0 6 0 0 1 7\n{line}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", ("a.png", "b.png"))


def opened(folder: Path, text: str, name: str = "t.txt") -> RecordedSource:
    (folder.parent / name).write_text(text)
    return open_source(folder, SourceOptions(poses=folder.parent / name))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (COLMAP.format(quaternion="0 0 0 0"), r"line 3 gives b\.png the pose 0 0 0 0 1 2 3.*export"),
        (COLMAP.format(quaternion="nan 0 0 0"), r"line 3 gives b\.png"),
        (COLMAP.format(quaternion="x 0 0 0"), "line 3 is not made of numbers"),
        (TUM.format(line="nan 1 0 0 0 0 0 1"), "line 2 begins with 'nan', expected a time"),
        (TUM.format(line="1e30 1 0 0 0 0 0 1"), "line 2 begins with '1e30'"),
        (TUM.format(line="0.1 1 0 0 0 0 0"), "line 2 has 7 columns, expected 8"),
        (KITTI.format(line="0 " * 12), "line 2 is no rotation and position .determinant 0"),
        (KITTI.format(line="-1 0 0 5 0 1 0 6 0 0 1 7"), "line 2 is no rotation and position .determinant -1"),
        ("5,1,2,3,1,0,0,0\ninf,1,2,3,1,0,0,0\n", "line 2 begins with 'inf'"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(folder: Path, text: str, says: str) -> None:
    with pytest.raises(SourceError, match=rf"t\.txt: {says}"):
        opened(folder, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,x_m,y_m\na.png,1,2\nb.png,,2\n", "line 3: x_m is '', expected a number"),
        ("file,lat,lon\na.png,480,11\n", "line 2: lat, lon is '480.0, 11.0', expected degrees"),
        ("file,x_m,y_m,timestamp\na.png,1,2,yesterday\n", "line 2: timestamp is 'yesterday', expected a time"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(folder: Path, text: str, says: str) -> None:
    with pytest.raises(SourceError, match=rf"t\.csv: {says}"):
        opened(folder, text, "t.csv")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.0 1 0 0 0 0 0 1\n0.1 nan 0 0 0 0 0 1\n", "1 not finite"),
        ("0.0 1 0 0 0 0 0 1\n0.1 1 0 0 0 0 0 0\n", "1 zero quaternion"),
        (KITTI.format(line="nan " * 12), "1 not finite"),
        ("file,x_m,y_m,yaw_deg\na.png,1,2,0\nb.png,1,2,nan\n", "1 not finite"),
        ("file,lat,lon\nb.png,nan,nan\na.png,48,11\n", "1 not finite"),
    ],
)
def test_a_pose_that_was_lost_is_left_out_and_counted(folder: Path, text: str, says: str) -> None:
    source = opened(folder, text)
    (record,) = source
    assert record.name == "a.png"
    assert record.T_map_base is not None
    assert record.T_map_base.is_finite
    assert f"1 images without a pose left out, poses not usable: {says}" in source.description


def test_when_every_pose_was_lost_the_reasons_are_counted(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"none of the 2 images.*\(1 not finite, 1 zero quaternion\)"):
        opened(folder, "0.0 nan 0 0 0 0 0 1\n0.1 1 0 0 0 0 0 0\n")
    with pytest.raises(SourceError, match=r"none of the 2 images.*\(2 not finite\)"):
        opened(folder, "file,lat,lon\nb.png,nan,nan\na.png,nan,11\n", "t.csv")


def test_a_heading_of_two_meanings_is_not_lost_without_a_word(folder: Path) -> None:
    source = opened(folder, "file,x_m,y_m,heading_deg\na.png,1,2,90\nb.png,1,2,0\n", "t.csv")
    assert all(record.T_map_base is not None and not record.T_map_base.has_orientation for record in source)
    assert "column heading_deg is not read, give yaw_deg or yaw_rad" in source.description


def test_a_byte_order_mark_is_no_number(folder: Path) -> None:
    assert len(opened(folder, "\ufeff0.0 1 0 0 0 0 0 1\n0.1 1 0 0 0 0 0 1\n")) == 2
