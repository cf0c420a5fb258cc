# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""No file outside its folder belongs to a map, and none of its files makes a reader wait or fall over."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_map import edit, put
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource

from vpr_ros.core.errors import MapError
from vpr_ros.mapping import build_map
from vpr_ros.maps import PlaceMap

NOBODY = 65534
FILES = ("manifest.yaml", "frames.csv", "descriptors.npy")


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path is short
        try:
            listening.bind(path.name)
        finally:
            os.chdir(here)


MAKE: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "socket": a_socket,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "circle": lambda path: path.symlink_to(path),
    "link to nothing": lambda path: path.symlink_to(path.parent / "nothing"),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", MAKE)
def test_what_is_no_file_is_refused_without_waiting(copy: Path, name: str, kind: str) -> None:
    (copy / name).unlink()
    MAKE[kind](copy / name)
    with pytest.raises(MapError) as caught:
        PlaceMap.open(copy)
    assert str(copy) in caught.value.problem


@pytest.mark.parametrize("kind", MAKE)
def test_a_picture_that_is_no_file_is_not_shown(copy: Path, kind: str) -> None:
    path = copy / "thumbnails" / "000003.jpg"
    path.unlink()
    MAKE[kind](path)
    opened = PlaceMap.open(copy)
    assert opened.thumbnail(3) is None
    assert opened.thumbnail(4) is not None
    with pytest.raises(MapError, match="thumbnails"):
        opened.verify()


@pytest.mark.parametrize("name", FILES)
def test_a_link_out_of_the_map_is_not_followed_and_the_command_brings_the_file_in(
    copy: Path, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "else where"
    (copy / name).rename(elsewhere)
    (copy / name).symlink_to(elsewhere)
    with pytest.raises(MapError, match="is a link that leads out of the map") as caught:
        PlaceMap.open(copy)
    subprocess.run(re.findall("`(rm [^`]+)`", caught.value.remedy)[0], shell=True, check=True)
    PlaceMap.open(copy).verify()
    assert elsewhere.is_file() and not (copy / name).is_symlink()


def test_a_link_within_the_map_and_one_to_the_map_are_followed(copy: Path, tmp_path: Path) -> None:
    (copy / "frames.csv").rename(copy / "table")
    (copy / "frames.csv").symlink_to("table")
    (tmp_path / "link").symlink_to(copy)
    PlaceMap.open(tmp_path / "link").verify()


def test_verify_opens_nothing_beside_the_map(copy: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    found = {"size_bytes": 4, "sha256": "0" * 64, "fingerprint": "0" * 64}
    for name in ("../secret", str(secret)):
        edit(copy, partial(set_file, name, found))
        with pytest.raises(MapError, match="which is no name within a folder"):
            PlaceMap.open(copy).verify()
        edit(copy, partial(set_file, name, None))
    (copy / "notes").symlink_to(secret)
    edit(copy, lambda plain: plain["files"].update(notes=found))
    with pytest.raises(MapError, match="leads out of the map"):
        PlaceMap.open(copy).verify()


def set_file(name: str, found: dict[str, Any] | None, plain: dict[str, Any]) -> None:
    if found is None:
        del plain["files"][name]
    else:
        plain["files"][name] = found


@pytest.mark.parametrize("what", ["thumbnails", "thumbnails/000003.jpg"])
def test_pictures_elsewhere_are_neither_shown_nor_copied_into_another(copy: Path, tmp_path: Path, what: str) -> None:
    (copy / what).rename(tmp_path / "elsewhere")
    (copy / what).symlink_to(tmp_path / "elsewhere")
    opened = PlaceMap.open(copy)
    assert opened.thumbnail(3) is None
    with pytest.raises(MapError, match="leads out of the map"):
        opened.verify()
    with pytest.raises(MapError, match="leads out of the map"):
        build_map(WallSource([20.0]), PixelExtractor(), copy, EVERY_FRAME, append=True)
    assert len(PlaceMap.open(copy)) == 80


@pytest.mark.parametrize("path", ["x" * 300, "nul\0byte", "manifest.yaml/below"])
def test_a_path_that_cannot_be_is_one_error(copy: Path, path: str) -> None:
    with pytest.raises(MapError):
        PlaceMap.open(copy / path)


@contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """Let nobody look at *path*, not even root."""
    mode = path.stat().st_mode
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        path.chmod(mode)


@pytest.mark.parametrize("name", [".", *FILES])
def test_what_may_not_be_read_is_one_error(wall_map: PlaceMap, name: str) -> None:
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        copy = Path(shutil.copytree(wall_map.path, Path(open_to_all) / "map"))
        copy.chmod(0o755)
        with (
            without_rights(copy / name),
            pytest.raises(MapError, match="cannot be read \\(Permission denied\\)") as caught,
        ):
            PlaceMap.open(copy)
        assert "may read it" in caught.value.remedy
        PlaceMap.open(copy)


# descriptors.npy


def header(text: str, version: int = 1) -> bytes:
    body = text.ljust(117).encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(body).to_bytes(2 if version == 1 else 4, "little") + body


@pytest.mark.parametrize(
    ("first", "found"),
    [
        (header("{'descr': '<f4', 'fortran_order': True, 'shape': (80, 96), }"), "float32 in columns"),
        (header("{'descr': '>f4', 'fortran_order': False, 'shape': (80, 96), }"), "(80, 96) >f4"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (80, 96), }"), "holds Python objects"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 96), }"), "(99999999, 96) float32"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (80L, 96L), }"), "not a numpy array"),
        (header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (80, 96), }"), "the manifest and"),
        (header("{'descr': {}, 'fortran_order': False, 'shape': [], }"), "holds () []"),
        (header("("), "not a numpy array"),
        (header("-" * 900), "not a numpy array"),
        (header("[" * 60_000), "its header has"),
        (header("{}", 2), "not a numpy array"),
        (b"PK\x03\x04" + bytes(200), "not a numpy array"),
        (b"\x80\x04\x95" + bytes(200), "not a numpy array"),
        (b"\x93NUM", "not a numpy array"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_descriptors_of_another_kind(copy: Path, first: bytes, found: str) -> None:
    put(copy, "descriptors.npy", first + (copy / "descriptors.npy").read_bytes()[128:])
    with pytest.raises(MapError) as caught:
        PlaceMap.open(copy)
    assert found in str(caught.value)


def test_a_zip_of_arrays_is_no_array(copy: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "several.npz", a=np.zeros((80, 96), np.float32))
    put(copy, "descriptors.npy", (tmp_path / "several.npz").read_bytes())
    with pytest.raises(MapError, match="not a numpy array"):
        PlaceMap.open(copy)


def test_fewer_rows_than_the_header_says(copy: Path) -> None:
    put(copy, "descriptors.npy", (copy / "descriptors.npy").read_bytes()[:-4])
    with pytest.raises(MapError, match=r"descriptors\.npy is damaged"):
        PlaceMap.open(copy)


# frames.csv


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("\n3,300000000,", "\n3,1e999999999,", "cannot be read"),
        ("\n3,300000000,", "\n3,99999999999999999999,", "cannot be read"),
        ("\n3,300000000,0,", "\n3,300000000,1,", "80 rows of 2 sessions, the manifest says 80 of 1"),
        ("\n3,300000000,0,", "\n3,300000000,-1,", "the first is frame 3"),
        ("\n3,300000000,0,0,1.5,", "\n3,300000000,0,0,1e308,", "the first is frame 3"),
        ("\n3,300000000,0,0,1.5,", "\n3,300000000,0,0,,", "cannot be read"),
        ("0003\n", "3" * 200_000 + "\n", "a line of more than 65536 characters"),
        ("0003\n", '"0003\n', ""),
        ("id,stamp_ns", '"id","stamp_ns"', "header"),
        ("id,stamp_ns", '"id,stamp_ns', "header"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_tables_that_are_none(copy: Path, old: str, new: str, found: str) -> None:
    text = (copy / "frames.csv").read_text()
    assert text.count(old) == 1
    put(copy, "frames.csv", text.replace(old, new).encode())
    with pytest.raises(MapError) as caught:
        assert len(PlaceMap.open(copy).frames.names) == 80
    assert found in str(caught.value)


def test_a_table_without_lines(copy: Path) -> None:
    text = (copy / "frames.csv").read_text()
    put(copy, "frames.csv", text[: text.index("\n") + 1].encode())
    with pytest.raises(MapError, match="0 rows"):
        PlaceMap.open(copy)


def test_names_are_those_of_the_map_that_was_opened(copy: Path) -> None:
    opened = PlaceMap.open(copy)
    (copy / "frames.csv").unlink()
    with pytest.raises(MapError, match=r"frames\.csv cannot be read"):
        _ = opened.frames.names
    (copy / "frames.csv").write_text("id,name\n0,another\n")
    with pytest.raises(MapError, match="names 1 frames, and had 80 when the map was opened"):
        _ = opened.frames.names
