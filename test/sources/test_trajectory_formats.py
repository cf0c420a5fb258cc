"""Formats at the edge: names that hold anything, columns that only a header or the size of the times tells apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy.spatial.transform import Rotation
from some_images import write_images

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.recorded_source import RecordedSource

SECOND = 1_000_000_000
POINTS = "10.5 20.5 1 11.5 22.5 -1 12.0 30.0 7 14.0 15.0 9"
LEFT = Pose.from_rotation((0.0, 0.0, 0.0), Rotation.from_euler("z", 90, degrees=True))
"""Turned left: x y z w is 0 0 s s, which read as w x y z lies on its back."""
S = math.sqrt(0.5)


def opened(folder: Path, text: str, name: str = "poses.txt") -> RecordedSource:
    file = folder.parent / name
    file.write_text(text)
    return open_source(folder, SourceOptions(poses=file, max_gap_s=10.0))


def x_m(source: RecordedSource) -> dict[str, float]:
    return {record.name: round(record.T_map_base.position_m[0], 6) for record in source if record.T_map_base}


def turned_left(source: RecordedSource) -> bool:
    poses = [record.T_map_base for record in source]
    return all(pose is not None and pose.angle_rad(LEFT) < 1e-6 for pose in poses)


# COLMAP

COLMAP_NAMES = {
    "a word and a blank": ["floor 1 000.jpg", "floor 2 001.jpg"],
    "a number and a blank": ["1 floor/000.jpg", "2 floor/001.jpg"],
    "some numbers": ["001 (2).jpg", "DJI_002.jpg", "003 (2).jpg"],
    "commas": ["hall,000.jpg", "hall 12,5 m.jpg", "1,2,3.jpg"],
    "two blanks": ["a  b.jpg", "a b.jpg"],
    "like points": ["1 2 3 .jpg", "4 5 6 .jpg"],
    "marks": ["#1.jpg", "50%.jpg", 'quo"te.jpg', "back\\slash.jpg", "narrow\u202fPM.jpg"],
    "like a header": ["file,x_m,y_m.jpg", "NAME.jpg"],
}


def colmap(names: Sequence[str], points: str = POINTS, header: str = "# Image list with two lines\n") -> str:
    return header + "".join(f"{k + 1} 1 0 0 0 {-k} 0 0 1 {name}\n{points}" for k, name in enumerate(names))


@pytest.mark.parametrize("kind", COLMAP_NAMES)
@pytest.mark.parametrize("points", [POINTS + "\n", "\n", ""])
@pytest.mark.parametrize("header", ["", "# Image list\n#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n"])
def test_a_colmap_name_is_the_rest_of_its_line(tmp_path: Path, kind: str, points: str, header: str) -> None:
    names = COLMAP_NAMES[kind]
    source = opened(write_images(tmp_path / "images", names), colmap(names, points, header), "images.txt")
    assert x_m(source) == {name: float(k) for k, name in enumerate(names)}
    assert "COLMAP" in source.description


@pytest.mark.parametrize("known_by", ["header", "cameras.txt"])
def test_a_colmap_name_may_be_a_number(tmp_path: Path, known_by: str) -> None:
    folder = write_images(tmp_path / "images", ["0001.jpg", "0002.jpg"])
    for name in ("0001", "0002"):
        (folder / f"{name}.jpg").rename(folder / f"{name}.5.jpg")
    header = "# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n" if known_by == "header" else ""
    if known_by == "cameras.txt":
        (tmp_path / "cameras.txt").write_text("1 PINHOLE 6 4 5 5 3 2\n")
    with pytest.raises(SourceError, match=r"names none of the images of .*; it names '0001\.5', .* '0001\.5\.jpg'"):
        opened(folder, colmap(["0001.5", "0002.5"], POINTS + "\n", header), "images.txt")


def test_colmap_lines_that_are_none_are_named(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.jpg", "b.jpg"])
    good = colmap(["a.jpg"], "\n")
    for text, says in (
        (good + "2 1 0 0 0 0 0\n", r"images\.txt: line 4 is '2 1 0 0 0 0 0', expected IMAGE_ID QW QX"),
        (good + "2 1 0 0 x 0 0 0 1 b.jpg\n", "line 4 is not made of numbers"),
        (good + good[len("# Image list with two lines\n") :], r"line 4 names 'a\.jpg', which was named before"),
    ):
        with pytest.raises(SourceError, match=says):
            opened(folder, text, "images.txt")


# TUM and EuRoC

SECONDS = (1700000000.0, 1700000000.2, 1700000000.4)
NANOSECONDS = (1700000000000000000, 1700000000200000000, 1700000000400000000)
IMAGES = ["000000.jpg", "000001.jpg", "000002.jpg"]


def table(stamps: Sequence[object], quaternion: str, separator: str = ",", header: str = "") -> str:
    rows = (f"{stamp} {k} 0 0 {quaternion}".replace(" ", separator) for k, stamp in enumerate(stamps))
    return header + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "timestamp,tx,ty,tz,qx,qy,qz,qw\n",
        '"timestamp","tx","ty","tz","qx","qy","qz","qw"\n',
        "'time', 'x', 'y', 'z', 'q_x', 'q_y', 'q_z', 'q_w'\n",
        "# timestamp,tx,ty,tz,qx,qy,qz,qw\n",
        "Timestamp [s],Pos_X [m],Pos_Y [m],Pos_Z [m],Quat_X,Quat_Y,Quat_Z,Quat_W\n",
        "stamp,position_x,position_y,position_z,orientation_x,orientation_y,orientation_z,orientation_w\n",
        "time,pose.position.x,pose.position.y,pose.position.z,"
        "pose.orientation.x,pose.orientation.y,pose.orientation.z,pose.orientation.w\n",
    ],
)
def test_tum_with_commas(tmp_path: Path, header: str) -> None:
    source = opened(write_images(tmp_path / "images", IMAGES), table(SECONDS, f"0 0 {S} {S}", ",", header), "poses.csv")
    assert x_m(source) == dict(zip(IMAGES, (0, 1, 2), strict=True))
    assert turned_left(source)
    assert [record.stamp_ns for record in source] == list(NANOSECONDS)
    assert "poses from TUM" in source.description


@pytest.mark.parametrize("separator", [",", ";", "\t", ", "])
def test_a_header_may_put_the_columns_in_any_order(tmp_path: Path, separator: str) -> None:
    header = separator.join(("id", "qw", "qx", "qy", "qz", "z", "y", "x", "note", "stamp_ns"))
    rows = [(7 + k, S, 0, 0, S, 0, 0, k, "", stamp) for k, stamp in enumerate(NANOSECONDS)]
    text = "\n".join([header, *(separator.join(map(str, row)) for row in rows)])
    source = opened(write_images(tmp_path / "images", IMAGES), text + "\n", "poses.csv")
    assert x_m(source) == dict(zip(IMAGES, (0, 1, 2), strict=True))
    assert turned_left(source)
    assert [record.stamp_ns for record in source] == list(NANOSECONDS)


EUROC_HEADER = (
    "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], q_RS_z [], "
    "v_RS_R_x [m s^-1], v_RS_R_y [m s^-1]\n"
)


@pytest.mark.parametrize("header", ["", EUROC_HEADER])
def test_nanoseconds_with_commas_are_euroc(tmp_path: Path, header: str) -> None:
    source = opened(
        write_images(tmp_path / "images", IMAGES), table(NANOSECONDS, f"{S} 0 0 {S} 9 9", ",", header), "data.csv"
    )
    assert turned_left(source)
    assert [record.stamp_ns for record in source] == list(NANOSECONDS)
    assert "EuRoC" in source.description


@pytest.mark.parametrize("stamps", [(0, 1, 2), (1700000000000, 1700000000200, 1700000000400)])
def test_a_table_that_may_be_either_asks_for_a_header_and_takes_it(tmp_path: Path, stamps: Sequence[int]) -> None:
    folder = write_images(tmp_path / "images", IMAGES)
    with pytest.raises(SourceError, match=r"8 columns with commas and a time that is not in nanoseconds") as caught:
        opened(folder, table(stamps, f"0 0 {S} {S}"), "poses.csv")
    header = caught.value.remedy.rsplit(" ", 1)[-1] + "\n"
    assert turned_left(opened(folder, table(stamps, f"0 0 {S} {S}", ",", header), "poses.csv"))


def test_a_header_that_names_too_little_is_named(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", IMAGES)
    with pytest.raises(
        SourceError, match=r"line 1 is 'timestamp,tx,ty'\. Expected TUM .*timestamp,tx,ty,tz,qx,qy,qz,qw"
    ):
        opened(folder, "timestamp,tx,ty\n0,0,0\n", "poses.csv")
    with pytest.raises(SourceError, match="line 3 has 7 columns, expected 8"):
        opened(folder, "t,x,y,z,qx,qy,qz,qw\n0,0,0,0,0,0,0,1\n1,0,0,0,0,0,0\n", "poses.csv")


def test_an_empty_cell_does_not_shift_the_others(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="line 2 is not made of numbers"):
        opened(write_images(tmp_path / "images", IMAGES), "t,x,y,z,qx,qy,qz,qw\n0,,0,0,0,0,0,1,5\n", "poses.csv")


def test_seconds_in_a_column_that_says_nanoseconds_are_said(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.jpg", "b.jpg"])
    source = opened(folder, "file,x_m,y_m,stamp_ns\na.jpg,0,0,1700000000.0\nb.jpg,1,0,1700000000.5\n", "poses.csv")
    assert [record.stamp_ns for record in source] == [1700000000 * SECOND, 1700000000 * SECOND + SECOND // 2]
    assert "times of poses.csv are read as seconds" in source.description
    with pytest.raises(SourceError, match="is seconds since 1970"):
        opened(folder, "file,x_m,y_m,timestamp\na.jpg,0,0,1700000000\nb.jpg,1,0,1700000000500\n", "poses.csv")


# RTAB-Map

RTABMAP_HEADER = "#timestamp x y z qx qy qz qw id\n"


def rtabmap(ids: Sequence[int], header: str) -> str:
    rows = (f"{1700000000 + 0.5 * k:.6f} {k}.0 0 0 0 0 {S} {S} {number}" for k, number in enumerate(ids))
    return header + "\n".join(rows) + "\n"


@pytest.mark.parametrize("header", ["", RTABMAP_HEADER])
def test_rtabmap_poses_go_to_the_images_of_their_numbers(tmp_path: Path, header: str) -> None:
    """Not by order: natural order is that of the numbers, the file's may be another, and some images are taken out."""
    folder = write_images(tmp_path / "images", ["3.jpg", "12.jpg", "7.jpg"])
    source = opened(folder, rtabmap([3, 7, 9, 12], header))
    assert x_m(source) == {"3.jpg": 0.0, "7.jpg": 1.0, "12.jpg": 3.0}
    assert turned_left(source)
    assert [record.stamp_ns for record in source] == [1700000000 * SECOND + k * SECOND // 2 for k in (0, 1, 3)]
    assert "RTAB-Map trajectory poses.txt" in source.description
    assert "order" not in source.description


@pytest.mark.parametrize("header", ["", RTABMAP_HEADER])
def test_rtabmap_poses_by_time_or_else_by_order(tmp_path: Path, header: str) -> None:
    timed = write_images(tmp_path / "timed", ["1700000000.25.jpg", "1700000001.00.jpg"])
    assert x_m(opened(timed, rtabmap([1, 2, 3], header))) == {"1700000000.25.jpg": 0.5, "1700000001.00.jpg": 2.0}
    ordered = write_images(tmp_path / "ordered", ["000000.jpg", "000001.jpg"])
    source = opened(ordered, rtabmap([1, 2], header))
    assert x_m(source) == {"000000.jpg": 0.0, "000001.jpg": 1.0}
    assert "in the order of the images" in source.description
    with pytest.raises(SourceError, match=r"3 poses, .* has 2 images"):
        opened(ordered, rtabmap([1, 2, 3], header))


# CSV


def test_quoted_headers_and_names(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ['a "b", c.jpg', "d.jpg"])
    for header in ('"file","x_m","y_m"', ' "file" , "x_m" , "y_m"', "'file','x_m','y_m'", "FILE,X_M,Y_M"):
        source = opened(folder, f'{header}\n"a ""b"", c.jpg",1.5,2\nd.jpg, 3 ,4\n', "poses.csv")
        assert x_m(source) == {'a "b", c.jpg': 1.5, "d.jpg": 3.0}
    with pytest.raises(SourceError, match=r"has the columns file, x_m, x_m, y_m.* each once"):
        opened(folder, "file,x_m,x_m,y_m\nd.jpg,1,2,3\n", "poses.csv")


def test_positions_without_a_fix_are_not_the_coast_of_africa(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.jpg", "b.jpg", "c.jpg"])
    source = opened(folder, "file,lat,lon\na.jpg,0,0\nb.jpg,48.0,11.0\nc.jpg,48.0001,11.0\n", "poses.csv")
    assert [record.name for record in source] == ["b.jpg", "c.jpg"]
    assert source.datum is not None
    assert source.datum.latitude_deg == 48.0
    assert "poses.csv: 1 of 3 positions are 0, 0 (no fix) and not used" in source.description
