"""What people give by mistake: it is refused or counted in words they understand, never read as something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from some_images import write_images

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.bag_messages import COMPRESSED_IMAGE, IMAGE, compressed_image, image
from vpr_ros.sources.bag_writer import BagWriter
from vpr_ros.sources.recorded_source import RecordedSource

SECOND = 1_000_000_000
STAMPED = ("10.0.png", "10.1.png", "10.2.png")


def opened(folder: Path, poses: str | bytes, name: str = "poses.txt") -> RecordedSource:
    file = folder.parent / name
    file.write_bytes(poses if isinstance(poses, bytes) else poses.encode())
    return open_source(folder, SourceOptions(poses=file))


def x_m(source: RecordedSource) -> list[float]:
    return [record.T_map_base.position_m[0] for record in source if record.T_map_base]


@pytest.mark.parametrize(
    "text",
    [
        "10,0 0,5 0,0 0,0 0,0 0,0 0,0 1,0\n",  # TUM
        "10 0,5 0 0 0 0 0 1\n",  # TUM: nine numbers, of which EuRoC would take eight
        "# x\n1,0 0 0 5,5 0 1 0 0 0 0 1 0\n",  # KITTI
        "1 0 0 0 1e0 0 0 1\n1 0 0 0 1,5e-3 0 0 1\n",
    ],
)
def test_decimal_commas_are_not_separators(tmp_path: Path, text: str) -> None:
    folder = write_images(tmp_path / "images", STAMPED)
    with pytest.raises(
        SourceError, match=r"poses\.txt: line [12] has decimal commas, [\d,e-]+ for one\. Write decimal"
    ):
        opened(folder, text)


@pytest.mark.parametrize("comma", [",", ", "])
def test_commas_between_numbers_are_separators(tmp_path: Path, comma: str) -> None:
    folder = write_images(tmp_path / "images", ["1403636579763555584.png"])
    row = comma.join(("1403636579763555584", "4.5", "0", "0", "1", "0", "0", "0"))
    assert x_m(opened(folder, row + "\n", "data.csv")) == [4.5]


def test_decimal_commas_of_a_table_are_not_columns(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png"])
    with pytest.raises(SourceError, match=r"line 2 has 5 cells, the header names 3\. Write decimal points"):
        opened(folder, "file,x_m,y_m\na.png,1,5,2,5\n", "poses.csv")
    with pytest.raises(SourceError, match=r"x_m is '1,5', expected a number with a decimal point"):
        opened(folder, "file;x_m;y_m\na.png;1,5;2,5\n", "poses.csv")
    assert x_m(opened(folder, "file,x_m,y_m\na.png,1.5,2.5,,\n", "poses.csv")) == [1.5]  # empty cells of a spreadsheet


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_of_a_spreadsheet(tmp_path: Path, separator: str) -> None:
    folder = write_images(tmp_path / "images", ["a b.png"])
    lines = ('"file"', "x_m", "y_m"), ('"a b.png"', "1.5", "2.5")
    text = "\ufeff" + "\r\n".join(separator.join(cells) for cells in lines)
    assert x_m(opened(folder, text, "poses.csv")) == [1.5]


def test_text_in_another_encoding_is_named(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", STAMPED)
    for encoding, name in (("utf-16", "poses.txt"), ("latin-1", "poses.csv")):
        with pytest.raises(SourceError, match=r"is not UTF-8 text \(byte \d+\)\. Convert it"):
            opened(folder, "file,x_m,y_m,note\na.png,1,2,Straße\n".encode(encoding), name)


def test_poses_of_one_time_that_differ_are_counted(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", STAMPED)
    text = "10.0 0 0 0 0 0 0 1\n10.1 1 0 0 0 0 0 1\n10.1 1 0 0 0 0 0 1\n10.1 7 0 0 0 0 0 1\n10.2 2 0 0 0 0 0 1\n"
    source = opened(folder, text)
    assert x_m(source) == [0, 7, 2]
    assert "poses not usable: 1 of a time that comes again" in source.description  # the line said twice is no loss


def test_a_pose_beyond_the_earth_is_counted(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", STAMPED)
    source = opened(folder, "10.0 0 0 0 0 0 0 1\n10.1 1e12 0 0 0 0 0 1\n10.2 2 0 0 0 0 0 1\n")
    assert x_m(source) == pytest.approx([0, 1, 2])
    assert "poses not usable: 1 beyond any place on earth" in source.description


def test_a_name_that_two_images_have_is_not_given_to_both(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["left/1.png", "right/1.png"])
    with pytest.raises(SourceError, match=r"names '1\.png', which may be left/1\.png and right/1\.png"):
        opened(folder, "file,x_m,y_m\n1.png,0,0\n", "poses.csv")
    source = opened(folder, "file,x_m,y_m\nleft/1.png,3,0\n", "poses.csv")
    assert [record.name for record in source] == ["left/1.png"]
    assert x_m(source) == [3]


def test_negative_times_are_none(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", STAMPED)
    with pytest.raises(SourceError, match=r"line 1 begins with '-1\.0', expected a time of 0 or more"):
        opened(folder, "-1.0 0 0 0 0 0 0 1\n")


def test_matching_by_order_is_said(tmp_path: Path) -> None:
    """Natural order puts -1.0 before -1.5; whoever meant times must be able to see that they were not read."""
    folder = write_images(tmp_path / "images", ["-1.5.png", "-1.0.png", "0.5.png"])
    source = opened(folder, "0 0 0 0 0 0 0 1\n1 1 0 0 0 0 0 1\n2 2 0 0 0 0 0 1\n")
    assert "poses from TUM trajectory poses.txt in the order of the images" in source.description
    timed = write_images(tmp_path / "timed", STAMPED)
    assert "order" not in opened(timed, "10 0 0 0 0 0 0 1\n11 2 0 0 0 0 0 1\n").description


@pytest.mark.parametrize(
    ("name", "says"), [("drive.bag", "rosbags-convert"), ("drive.MP4", "ffmpeg -i"), ("drive.zip", "Unpack it first")]
)
def test_files_of_another_kind_say_what_to_do(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(SourceError, match=f"found a file of another kind.*{says}"):
        open_source(tmp_path / name)


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    for name in ("a.HEIC", "b.heic", "c.mcap.zstd", "README"):
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=r"holds no image \(.*\) but 2 \.heic, 1 \.zstd\. .* unpack or convert"):
        open_source(tmp_path)


@pytest.mark.parametrize("type_name", [IMAGE, COMPRESSED_IMAGE])
def test_an_image_of_a_bag_that_does_not_decode_is_named(tmp_path: Path, type_name: str) -> None:
    build = image if type_name == IMAGE else compressed_image
    with BagWriter(tmp_path / "bag") as bag:
        for second in (1, 2, 3):
            sent = build(np.zeros((40, 60, 3), np.uint8), second * SECOND, "camera")
            sent.data = sent.data[: 100 if second == 2 else None]
            bag.write("/front", type_name, sent, second * SECOND)
    first, cut, third = open_source(tmp_path / "bag", SourceOptions(require_poses=False))
    assert first.load_image().shape == third.load_image().shape == (40, 60, 3)
    with pytest.raises(FrameDecodeError, match=r"/front at 2\.000 s.*100 bytes"):
        cut.load_image()


def test_a_map_in_the_folder_of_its_images_is_not_read_as_images(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png", "map/thumbnails/000000.jpg", "other/b.png"])
    for name in ("manifest.yaml", "descriptors.npy"):
        (folder / "map" / name).touch()
    names = [record.name for record in open_source(folder, SourceOptions(require_poses=False))]
    assert names == ["a.png", "other/b.png"]


def test_times_as_dates_are_named(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", ["a.png"])
    with pytest.raises(
        SourceError, match=r"timestamp is '2024-01-01T10:00:00', expected a time as a number, in seconds"
    ):
        opened(folder, "file,x_m,y_m,timestamp\na.png,1,2,2024-01-01T10:00:00\n", "poses.csv")
