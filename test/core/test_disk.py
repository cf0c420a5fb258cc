# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Files that are whole or not there, and the words for a disk that ends or refuses."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vpr_ros.core.disk import folder_beside, held, new_file, refusal, write_text, writing
from vpr_ros.core.errors import ConfigError, SourceError


def test_a_new_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "picture.png"
    write_text(path, "old", ConfigError)
    with new_file(path, ConfigError) as part:
        assert part.suffix == ".png"
        part.write_text("new")
        assert path.read_text() == "old"
    assert (path.read_text(), [p.name for p in path.parent.iterdir()]) == ("new", ["picture.png"])


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_text("old")
    with (
        pytest.raises(ConfigError, match=r"disk is full .* while writing .*numbers\.json"),
        new_file(path, ConfigError),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (path.read_text(), [p.name for p in tmp_path.iterdir()]) == ("old", ["numbers.json"])


def test_a_link_stays_a_link_and_a_device_stays_a_device(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    write_text(link, "new", ConfigError)
    assert link.is_symlink()
    assert file.read_text() == "new"
    write_text(Path(os.devnull), "gone", ConfigError)
    assert not Path(os.devnull).is_file()
    with pytest.raises(ConfigError, match="the disk is full"):
        write_text(Path("/dev/full"), "too much", ConfigError)


@pytest.mark.parametrize(
    ("cause", "problem", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full (No space left on device)", "Free some"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full (Disk quota exceeded)", "Free some"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full (database or disk is full)", "Free"),
        (OSError(errno.EROFS, "Read-only file system"), "drive cannot be written (Read-only file system)", "Check its"),
        (OSError("64 requested and 12 written"), "drive cannot be written (64 requested and 12 written)", "Check its"),
    ],
)
def test_an_error_names_what_was_asked_for_and_what_to_do(cause: Exception, problem: str, remedy: str) -> None:
    error = refusal(Path("drive"), cause, SourceError)
    assert isinstance(error, SourceError)
    assert error.problem.startswith(problem)
    assert "drive" in error.problem
    assert error.remedy.startswith(remedy)


def test_what_is_no_refusal_passes() -> None:
    with pytest.raises(ValueError, match="of our own"), writing(Path("drive"), SourceError):
        raise ValueError("of our own")


def test_a_new_file_is_read_by_who_read_the_old_one_and_follows_no_link(tmp_path: Path) -> None:
    path, letter = tmp_path / "numbers.json", tmp_path / "letter"
    path.write_text("old")
    path.chmod(0o640)
    letter.write_text("dear")
    (tmp_path / f".numbers.{os.getpid()}.part.json").symlink_to(letter)
    write_text(path, "new", ConfigError)
    assert (path.read_text(), path.stat().st_mode & 0o777, letter.read_text()) == ("new", 0o640, "dear")


def test_a_folder_beside_is_gone_with_what_was_not_renamed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "drive"
    with folder_beside(path, ConfigError) as folder:
        (folder / "kept").mkdir()
        (folder / "left").write_text("half")
        (folder / "kept").rename(path)
    assert [p.name for p in path.parent.iterdir()] == ["drive"]
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match=r"file/drive cannot be written"),
        folder_beside(tmp_path / "file" / "drive", ConfigError),
    ):
        pass


def test_what_a_killed_writer_left_goes_with_the_next_write_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left, anothers = tmp_path / f".numbers.{dead.pid}.part.json", tmp_path / f".letters.{dead.pid}.part.json"
    living = tmp_path / f".numbers.{os.getppid()}.part.json"
    for part in (left, anothers, living):
        part.touch()
    write_text(tmp_path / "numbers.json", "1", ConfigError)
    assert sorted(tmp_path.iterdir()) == sorted([anothers, living, tmp_path / "numbers.json"])


@pytest.mark.parametrize("name", ["a[1].json", "2026.11.json", "no suffix", "*"])
def test_what_a_killed_writer_left_and_nobody_may_remove_does_not_keep_others_from_writing(
    tmp_path: Path, name: str
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    path = tmp_path / name
    left = path.with_name(f".{path.stem}.{dead.pid}.part{path.suffix}")
    left.mkdir()
    write_text(path, "1", ConfigError)
    assert sorted(tmp_path.iterdir()) == sorted([left, path])
    left.rmdir()
    left.touch()
    write_text(path, "2", ConfigError)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("2", [path])


def test_who_waited_holds_the_folder_that_has_the_name_by_then(tmp_path: Path) -> None:
    place, other = tmp_path / "map", tmp_path / "other"
    place.mkdir()
    other.mkdir()
    found: list[str] = []

    def waiting() -> None:
        with held(place):
            found.extend(path.name for path in place.iterdir())

    with ThreadPoolExecutor(1) as pool:
        with held(place):
            done = pool.submit(waiting)
            place.rename(tmp_path / "old")
            (other / "new").touch()
            other.rename(place)
        done.result()
    assert found == ["new"]
    with held(tmp_path / "nothing"):  # nobody is kept waiting for what is not there
        pass
