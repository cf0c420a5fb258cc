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

from vpr_ros.core.errors import SourceError

MAGIC: Final = b"\x89MCAP0\r\n"
_KNOWN_SCHEMAS: Final = ("ros2msg", "ros2idl", "omgidl", "")
_PROFILE: Final = b"ros2"
_QOS: Final = b"offered_qos_profiles"
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _DATA_END, _PRIVATE = 0x01, 0x02, 0x03, 0x04, 0x0F, 0x80
_FOOTER_BYTES: Final = 1 + 8 + 20 + len(MAGIC)
_LARGEST_SCHEMA: Final = 1 << 26


class _Record(NamedTuple):
    opcode: int
    at: int
    content: bytes

    @property
    def content_at(self) -> int:
        return self.at + 9


class Disguise(NamedTuple):
    """What a file is to show instead of its own bytes.

    Attributes:
        patches: bytes by their offset in the file.
        foreign: encodings of the schemas that are hidden.
        is_ros2: whether a schema of ROS 2 remains.
    """

    patches: dict[int, bytes]
    foreign: tuple[str, ...]
    is_ros2: bool


def disguise(path: Path) -> Disguise | None:
    """Find what the library would stumble over; None where *path* is no whole mcap file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        try:
            return _disguise(stream, size)
        except (struct.error, IndexError):
            return None


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


def _disguise(stream: io.BufferedReader, size: int) -> Disguise | None:
    stream.seek(0)
    if stream.read(len(MAGIC)) != MAGIC or size < len(MAGIC) + _FOOTER_BYTES:
        return None
    header = _read_record(stream, len(MAGIC), size)
    stream.seek(size - _FOOTER_BYTES)
    footer = stream.read()
    if header is None or footer[0] != _FOOTER or not footer.endswith(MAGIC):
        return None
    patches = _ros2_profile(header)
    (summary,) = struct.unpack_from("<Q", footer, 9)
    foreign: list[str] = []
    is_ros2 = False
    # Without a summary the schemas stand between the messages.
    for record in _records(stream, summary or header.content_at + len(header.content), size - _FOOTER_BYTES):
        if record.opcode == _SCHEMA:
            encoding, readable = _schema(record)
            is_ros2 = is_ros2 or (readable and encoding != "")
            if not readable:
                foreign.append(encoding)
                patches[record.at] = bytes([_PRIVATE])
        elif (found := record.content.find(_QOS)) >= 0:
            patches[record.content_at + found] = b"_"
    return Disguise(patches, tuple(dict.fromkeys(foreign)), is_ros2)


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


def _schema(record: _Record) -> tuple[str, bool]:
    """The encoding of a schema, and whether the library reads such a one."""
    name, encoding_at = _string(record.content, 2)
    encoding, data_at = _string(record.content, encoding_at)
    data, _ = _string(record.content, data_at)
    known = encoding.decode("utf-8", "replace")
    try:
        for text in (name, data):
            text.decode()
    except UnicodeDecodeError:
        return known, False
    return known, known in _KNOWN_SCHEMAS


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("<I", content, at)
    return content[at + 4 : at + 4 + length], at + 4 + length


def no_ros2(path: str, encodings: tuple[str, ...]) -> SourceError:
    """The error for a file all of whose schemas are foreign."""
    return SourceError(
        f"{path} holds no message of ROS 2, its schemas are {', '.join(encodings)}",
        "Convert it to a recording of ROS 2, or give its images as a folder with --poses",
    )
