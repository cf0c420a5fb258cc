# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The outermost fields of an ONNX file, read without ``onnx`` and before any session; its graph is one of them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

METADATA_FIELD, _KEY, _VALUE = 14, 1, 2
"""Field numbers of ``metadata_props`` in ONNX's ``ModelProto``, and of the halves of an entry."""
BYTES_KIND = 2
"""The wire type of a field of bytes."""
_VARINT = 0
_FIXED_SIZE = {1: 8, 5: 4}
_MOST_FIELDS = 10_000

Message = bytes | mmap.mmap


class Field(NamedTuple):
    """One field of a protobuf message.

    Attributes:
        number: of the field.
        start, end: where it begins and ends in the message, its tag included.
        content: where what it holds begins; 0 for a number.
    """

    number: int
    start: int
    end: int
    content: int


class NoMessageError(ValueError):
    """These bytes are no protobuf message."""


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Map the file *path* into memory.

    Raises:
        OSError, ValueError: it cannot be read, or is empty.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def fields(message: Message) -> Iterator[Field]:
    """The fields of a message in their order; what they hold, weights among it, is stepped over.

    Raises:
        NoMessageError: it is no such message.
    """
    at = 0
    for _ in range(_MOST_FIELDS):
        if at == len(message):
            return
        start = at
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
            yield Field(number, start, at, 0)
            continue
        size, at = _varint(message, at) if kind == BYTES_KIND else (_FIXED_SIZE.get(kind, -1), at)
        if size < 0 or at + size > len(message):
            raise NoMessageError("no protobuf message")
        yield Field(number, start, at + size, at)
        at += size
    raise NoMessageError("more fields than an ONNX file has")


def metadata_entry(message: Message, field: Field) -> tuple[bytes, bytes] | None:
    """Key and value of an entry of ``metadata_props``; None for another field.

    Raises:
        NoMessageError: it is no such entry.
    """
    if field.number != METADATA_FIELD or not field.content:
        return None
    entry = message[field.content : field.end]
    halves = {part.number: entry[part.content : part.end] for part in fields(entry) if part.content}
    return halves.get(_KEY, b""), halves.get(_VALUE, b"")


def _varint(message: Message, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise NoMessageError("no protobuf message")
