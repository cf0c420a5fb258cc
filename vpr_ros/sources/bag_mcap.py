# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""mcap files with things in them that are not ROS 2's: seen by the reader as if these were not there.

The library refuses a whole file for one schema that it does not know (protobuf, JSON), for the quality of service of
one channel, or for another profile than "ros2", which many tools do not write. A file opened here shows it a few
other bytes at the places of these records; what is on disk stays as it is.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

MAGIC: Final = b"\x89MCAP0\r\n"
_KNOWN_SCHEMAS: Final = (b"ros2msg", b"ros2idl", b"omgidl", b"")
_PROFILE: Final = b"ros2"
_QOS: Final = b"offered_qos_profiles"
_FOOTER, _SCHEMA, _CHANNEL = 0x02, 0x03, 0x04
_FOOTER_BYTES: Final = 1 + 8 + 20 + len(MAGIC)
_LARGEST_SCHEMA: Final = 1 << 26


class _Record(NamedTuple):
    opcode: int
    at: int
    content: bytes

    @property
    def content_at(self) -> int:
        return self.at + 9


def disguise(path: Path) -> dict[int, bytes]:
    """The bytes that *path* is to show instead of its own, by their offset; none where it is no whole mcap file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        try:
            return _patches(stream, size)
        except (struct.error, IndexError):
            return {}


def disguised(path: Path, patches: dict[int, bytes]) -> Path:
    """*path*, whose ``open`` shows *patches*."""
    view = _DisguisedPath(path)
    view.patches = patches
    return view


class _DisguisedPath(type(Path())):  # type: ignore[misc]  # the class of paths differs between systems
    patches: dict[int, bytes]

    def open(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_PatchedFile(str(self), self.patches))


class _PatchedFile(io.RawIOBase):
    """A file of which some bytes look otherwise."""

    def __init__(self, path: str, patches: dict[int, bytes]) -> None:
        self._file = io.FileIO(path, "rb")
        self._patches = patches

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        start = self._file.tell()
        count = self._file.readinto(buffer)
        view = memoryview(buffer).cast("B")
        for at, patch in self._patches.items():
            first, last = max(at, start), min(at + len(patch), start + count)
            if first < last:
                view[first - start : last - start] = patch[first - at : last - at]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _patches(stream: io.BufferedReader, size: int) -> dict[int, bytes]:
    stream.seek(0)
    if stream.read(len(MAGIC)) != MAGIC or size < len(MAGIC) + _FOOTER_BYTES:
        return {}
    header = _read_record(stream, len(MAGIC), size)
    stream.seek(size - _FOOTER_BYTES)
    footer = stream.read()
    if header is None or footer[0] != _FOOTER or not footer.endswith(MAGIC):
        return {}
    patches = _ros2_profile(header)
    (summary,) = struct.unpack_from("<Q", footer, 9)
    # Without a summary the schemas stand between the messages.
    for record in _records(stream, summary or header.content_at + len(header.content), size - _FOOTER_BYTES):
        if record.opcode == _SCHEMA:
            patches |= _undefined(record)
        elif (found := record.content.find(_QOS)) >= 0:
            patches[record.content_at + found] = b"_"
    return patches


def _records(stream: io.BufferedReader, start: int, end: int) -> Iterator[_Record]:
    """The schemas and channels between two offsets; the others are stepped over."""
    at = start
    while at + 9 <= end:
        stream.seek(at)
        opcode, length = struct.unpack("<BQ", stream.read(9))
        if opcode in (_SCHEMA, _CHANNEL):
            record = _read_record(stream, at, end)
            if record is None:
                return
            yield record
        at += 9 + length


def _read_record(stream: io.BufferedReader, at: int, end: int) -> _Record | None:
    stream.seek(at)
    opcode, length = struct.unpack("<BQ", stream.read(9))
    if at + 9 + length > end or length > _LARGEST_SCHEMA:
        return None
    return _Record(opcode, at, stream.read(length))


def _ros2_profile(header: _Record) -> dict[int, bytes]:
    """A header of the same length with the profile "ros2": what is missing is taken from the library's name."""
    profile, library_at = _string(header.content, 0)
    library, _ = _string(header.content, library_at)
    spare = len(profile) + len(library) - len(_PROFILE)
    if profile == _PROFILE or spare < 0:
        return {}
    names = struct.pack("<I", len(_PROFILE)) + _PROFILE + struct.pack("<I", spare) + b" " * spare
    return {header.content_at: names}


def _undefined(record: _Record) -> dict[int, bytes]:
    """A schema of the same name and length that defines nothing, where the library would not know this one."""
    name, encoding_at = _string(record.content, 2)
    encoding, data_at = _string(record.content, encoding_at)
    data, _ = _string(record.content, data_at)
    if encoding in _KNOWN_SCHEMAS and _is_text(name) and _is_text(data):
        return {}
    plain = name if _is_text(name) else b"?" * len(name)
    rest = len(record.content) - encoding_at - 8
    nothing = struct.pack("<I", 0) + struct.pack("<I", rest) + b" " * rest
    return {record.content_at + 6: plain, record.content_at + encoding_at: nothing}


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("<I", content, at)
    return content[at + 4 : at + 4 + length], at + 4 + length
