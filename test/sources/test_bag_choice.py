# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which files and topics of a bag are read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.core.frames import Frame
from vpr_ros.core.pose import Pose
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.bag_messages import COMPRESSED_IMAGE, IMAGE, compressed_image, image
from vpr_ros.sources.bag_writer import BagLayout, BagWriter, write_bag

SECOND = 1_000_000_000
PIXELS = np.full((4, 6, 3), 100, np.uint8)
SUFFIX = {"mcap": ".mcap", "sqlite3": ".db3"}


def drive(first_s: int, count: int = 3) -> list[Frame]:
    return [
        Frame(PIXELS + k, (first_s + k) * SECOND, "/front", T_map_base=Pose((float(first_s + k), 0, 0)))
        for k in range(count)
    ]


def files_without_metadata(tmp_path: Path, storage: Literal["mcap", "sqlite3"], parts: int) -> Path:
    """The storage files of a recording split in *parts*, the last one written first, in one folder."""
    folder = tmp_path / f"{storage}_files"
    folder.mkdir()
    for part in reversed(range(parts)):
        bag = tmp_path / f"{storage}_{part}"
        write_bag(bag, drive(1 + 3 * part), layout=BagLayout(storage=storage))
        (file,) = bag.glob(f"*{SUFFIX[storage]}")
        shutil.copyfile(file, folder / file.name)
    return folder


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("parts", [1, 3])
def test_storage_files_without_metadata_are_one_recording(
    tmp_path: Path, storage: Literal["mcap", "sqlite3"], parts: int
) -> None:
    source = open_source(files_without_metadata(tmp_path, storage, parts), SourceOptions(max_gap_s=2.0))
    loaded = [record.load() for record in source]
    assert [frame.stamp_ns // SECOND for frame in loaded] == list(range(1, 1 + 3 * parts))
    assert [int(frame.image_rgb[0, 0, 0]) for frame in loaded] == [100, 101, 102] * parts
    assert [frame.T_map_base.position_m[0] for frame in loaded if frame.T_map_base] == list(range(1, 1 + 3 * parts))


def test_files_of_both_kinds_say_what_to_do(tmp_path: Path) -> None:
    folder = files_without_metadata(tmp_path, "mcap", 1)
    shutil.copyfile(next(files_without_metadata(tmp_path, "sqlite3", 1).iterdir()), folder / "b.db3")
    with pytest.raises(SourceError, match=r"holds \.db3 and \.mcap files.*ros2 bag reindex"):
        open_source(folder)


def test_a_damaged_file_without_metadata_is_not_called_missing_metadata(tmp_path: Path) -> None:
    (tmp_path / "a.mcap").write_bytes(b"no bag")
    with pytest.raises(SourceError, match=r"cannot be read as a rosbag2 recording(?!.*metadata)"):
        open_source(tmp_path)


@pytest.fixture
def cameras(tmp_path: Path) -> Path:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/robot/front/image_raw", IMAGE, image(PIXELS, SECOND, "f"), SECOND)
        compressed = compressed_image(PIXELS, SECOND, "f")
        bag.write("/robot/front/image_raw/compressed", COMPRESSED_IMAGE, compressed, SECOND)
        bag.write("/robot/rear/image_raw/compressed", COMPRESSED_IMAGE, compressed, SECOND)
    return tmp_path / "bag"


@pytest.mark.parametrize(
    ("given", "camera"),
    [
        ("/robot/front/image_raw", "/robot/front/image_raw"),
        ("robot/front/image_raw", "/robot/front/image_raw"),
        ("front/image_raw", "/robot/front/image_raw"),
        ("front", "/robot/front/image_raw"),
        ("/robot/rear/image_raw", "/robot/rear/image_raw"),
        ("robot/rear/image_raw/compressed", "/robot/rear/image_raw"),
    ],
)
def test_a_topic_is_found_however_it_is_written(cameras: Path, given: str, camera: str) -> None:
    source = open_source(cameras, SourceOptions(image_topics=(given,), require_poses=False))
    assert [record.camera for record in source] == [camera]


@pytest.mark.parametrize("given", ["/ront/image_raw", "/left"])
def test_an_unknown_topic_lists_those_there_are(cameras: Path, given: str) -> None:
    with pytest.raises(SourceError, match=rf"no images on {given}; .*/robot/front/image_raw .*/robot/rear/image_raw/c"):
        open_source(cameras, SourceOptions(image_topics=(given,), require_poses=False))


def test_a_topic_that_could_be_several_names_them(cameras: Path) -> None:
    with pytest.raises(SourceError, match="image_raw could be /robot/front/image_raw or /robot/rear/image_raw/comp"):
        open_source(cameras, SourceOptions(image_topics=("image_raw",), require_poses=False))


def depth_bag(path: Path, *, with_colour: bool) -> Path:
    depth = image(PIXELS, SECOND, "d")
    depth.encoding = "16UC1"
    with BagWriter(path) as bag:
        bag.write("/depth", IMAGE, depth, SECOND)
        bag.write("/depth/compressedDepth", COMPRESSED_IMAGE, compressed_image(PIXELS, SECOND, "d"), SECOND)
        if with_colour:
            bag.write("/colour", IMAGE, image(PIXELS, SECOND, "c"), SECOND)
    return path


def test_pictures_nobody_can_decode_are_left_out_where_there_are_others(tmp_path: Path) -> None:
    source = open_source(depth_bag(tmp_path / "bag", with_colour=True), SourceOptions(require_poses=False))
    assert list(source.cameras) == ["/colour"]
    assert "not read, because the encoding is unknown: /depth (16UC1), /depth/compressedDepth" in source.description


def test_where_there_are_no_others_the_encodings_are_named(tmp_path: Path) -> None:
    bag = depth_bag(tmp_path / "bag", with_colour=False)
    with pytest.raises(SourceError, match=r"/depth \(16UC1\).*expected one of rgb8"):
        open_source(bag, SourceOptions(require_poses=False))
    (record,) = open_source(bag, SourceOptions(require_poses=False, image_topics=("/depth",)))
    with pytest.raises(FrameDecodeError, match="16UC1"):
        record.load()
