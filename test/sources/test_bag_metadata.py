# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What metadata.yaml promises and what the recording holds: the recording is read, differences are told in numbers."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
import yaml
from some_bags import BRIGHTNESS, CAMERA, COUNT, X_M, brightness, images, odom, write, x_m

from vpr_ros.core.errors import SourceError
from vpr_ros.sources import SourceOptions, open_source

QOS = """- history: 3
  depth: 0
  reliability: 1
  durability: 2
  deadline: {sec: 9223372036, nsec: 854775807}
  lifespan: {sec: 9223372036, nsec: 854775807}
  liveliness: 1
  liveliness_lease_duration: {sec: 9223372036, nsec: 854775807}
  avoid_ros_namespace_conventions: false
"""
BOTH = pytest.mark.parametrize("storage", ["sqlite3", "mcap"])


def bag(tmp_path: Path, storage: str = "mcap") -> Path:
    return write(tmp_path / "bag", images(), odom(), storage=storage)  # type: ignore[arg-type]


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "metadata.yaml"
    changed = re.sub(old, new, file.read_text())
    assert changed != file.read_text()
    file.write_text(changed)


def test_qos_that_was_blanked_has_nothing_to_do_with_reading(tmp_path: Path) -> None:
    folder = bag(tmp_path, "sqlite3")
    with sqlite3.connect(folder / "bag.db3") as database:
        database.execute("UPDATE topics SET offered_qos_profiles = ?", (QOS,))
    database.close()
    source = open_source(folder)
    assert (x_m(source), brightness(source), source.warnings) == (X_M, BRIGHTNESS, ())


@BOTH
@pytest.mark.parametrize("said", [0, 5, 4000])
def test_wrong_numbers_of_messages_are_told(tmp_path: Path, storage: str, said: int) -> None:
    folder = bag(tmp_path, storage)
    change(folder, "message_count: 12", f"message_count: {said}")
    source = open_source(folder)
    assert (x_m(source), brightness(source)) == (X_M, BRIGHTNESS)
    (warning,) = source.warnings
    assert f"{said} of {CAMERA} promised, 12 found" in warning
    assert f"{said} of /odom promised, 12 found" in warning


def test_messages_that_are_promised_but_missing_are_told(tmp_path: Path) -> None:
    folder = bag(tmp_path, "sqlite3")
    with sqlite3.connect(folder / "bag.db3") as database:
        database.execute("DELETE FROM messages WHERE id > 18")
        database.execute("DELETE FROM messages WHERE topic_id = (SELECT id FROM topics WHERE name = '/odom')")
    database.close()
    (warning,) = open_source(folder, SourceOptions(require_poses=False)).warnings
    assert warning == (
        "metadata.yaml and the recording differ: "
        f"{COUNT} of {CAMERA} promised, 9 found; {COUNT} of /odom promised, 0 found"
    )


def test_a_recording_without_the_promised_images_says_so(tmp_path: Path) -> None:
    folder = bag(tmp_path, "sqlite3")
    with sqlite3.connect(folder / "bag.db3") as database:
        database.execute("DELETE FROM messages WHERE topic_id = (SELECT id FROM topics WHERE name = ?)", (CAMERA,))
    database.close()
    with pytest.raises(SourceError, match=rf"holds no image; its topics are /odom; .*12 of {CAMERA} promised, 0 found"):
        open_source(folder)


def split(tmp_path: Path, storage: str, suffix: str) -> Path:
    """A recording of three files, and the metadata of all of them."""
    folder = tmp_path / "split"
    folder.mkdir()
    names = []
    for part in range(3):
        some = slice(4 * part, 4 * part + 4)
        piece = write(tmp_path / f"split_{part}", images()[some], odom()[some], storage=storage)  # type: ignore[arg-type]
        names.append(f"split_{part}{suffix}")
        shutil.copy(piece / names[-1], folder)
        shutil.copy(piece / "metadata.yaml", folder)
    metadata = yaml.safe_load((folder / "metadata.yaml").read_text())
    about = metadata["rosbag2_bagfile_information"]
    about["relative_file_paths"] = names
    for topic in about["topics_with_message_count"]:
        topic["message_count"] = COUNT
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    return folder


@pytest.mark.parametrize(("storage", "suffix"), [("sqlite3", ".db3"), ("mcap", ".mcap")])
def test_split_recordings_are_read_whole_and_missing_parts_are_named(tmp_path: Path, storage: str, suffix: str) -> None:
    folder = split(tmp_path, storage, suffix)
    source = open_source(folder)
    assert (x_m(source), brightness(source), source.warnings) == (X_M, BRIGHTNESS, ())
    (folder / f"split_1{suffix}").unlink()
    source = open_source(folder, SourceOptions(max_gap_s=10))
    assert brightness(source) == [*BRIGHTNESS[:4], *BRIGHTNESS[8:]]
    missing, fewer = source.warnings
    assert missing == f"1 of 3 files that metadata.yaml names are missing: split_1{suffix}"
    assert f"12 of {CAMERA} promised, 8 found" in fewer


def test_files_that_the_metadata_does_not_name_are_told(tmp_path: Path) -> None:
    folder = split(tmp_path, "mcap", ".mcap")
    change(folder, r"\n *- split_2\.mcap", "")
    source = open_source(folder)
    assert brightness(source) == BRIGHTNESS[:8]
    assert source.warnings[0] == "not read, because metadata.yaml does not name them: split_2.mcap"
    change(folder, r"split_[01]\.mcap", "elsewhere/lost.mcap")
    source = open_source(folder)
    assert brightness(source) == BRIGHTNESS
    assert source.warnings == (
        "no file that metadata.yaml names is there, read instead: split_0.mcap, split_1.mcap, split_2.mcap",
    )


@BOTH
@pytest.mark.parametrize("content", ["", "a: &a [b, b]\n", "rosbag2_bagfile_information: 3", "{[", "a: [" * 99])
def test_metadata_that_nobody_can_read_is_left_out(tmp_path: Path, storage: str, content: str) -> None:
    folder = bag(tmp_path, storage)
    (folder / "metadata.yaml").write_text(content)
    source = open_source(folder)
    assert (x_m(source), brightness(source)) == (X_M, BRIGHTNESS)
    (warning,) = source.warnings
    assert warning.startswith("metadata.yaml is not used: ")


@pytest.mark.parametrize("name", ["x" * 300, "..", "a\\0b", "", "\\ud800"])
def test_names_that_no_file_can_have_are_not_there(tmp_path: Path, name: str) -> None:
    folder = bag(tmp_path)
    change(folder, r"- bag\.mcap", f'- "{name}"'.replace("\\", "\\\\"))
    source = open_source(folder)
    assert x_m(source) == X_M
    assert source.warnings == ("no file that metadata.yaml names is there, read instead: bag.mcap",)


def test_metadata_without_a_recording_is_told(tmp_path: Path) -> None:
    folder = bag(tmp_path)
    (folder / "bag.mcap").unlink()
    with pytest.raises(SourceError, match=r"holds no storage file .*Copy the whole recording"):
        open_source(folder)


def test_a_newer_version_of_the_metadata_is_read(tmp_path: Path) -> None:
    folder = bag(tmp_path)
    change(folder, "version: 9", "version: 12")
    assert x_m(open_source(folder)) == X_M
