# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The fields of a protobuf message, read where neither ``onnx`` nor ``protobuf`` is installed."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_FIELDS: Final = 1_000_000
_VARINT, _BYTES = 0, 2
_FIXED_SIZE: Final = {1: 8, 5: 4}


class Field(NamedTuple):
    """One field: where it begins with its tag, where its value begins, and where both end."""

    number: int
    begin: int
    value: int
    end: int


def fields(
    message: bytes | mmap.mmap, most: int = MOST_FIELDS, begin: int = 0, end: int | None = None
) -> Iterator[Field]:
    """The fields of a message in their order; values, weights among them, are stepped over.

    Args:
        message: holds it from *begin* to *end*.
        most: how many fields it may have.
        begin, end: places in *message*; None: its end.

    Raises:
        ValueError, IndexError: it is no such message, or has more fields than *most*.
    """
    at, end = begin, len(message) if end is None else end
    for _ in range(most):
        if at == end:
            return
        begin = at
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value = at
            _, at = _varint(message, at)
        else:
            size, value = _varint(message, at) if kind == _BYTES else (_FIXED_SIZE.get(kind, -1), at)
            if size < 0:
                raise ValueError("no protobuf message")
            at = value + size
        if at > end:
            raise ValueError("a field that ends behind its message")
        yield Field(number, begin, value, at)
    raise ValueError(f"more than {most} fields")


def values(message: bytes | mmap.mmap, number: int, most: int = MOST_FIELDS) -> Iterator[bytes]:
    """The values of the fields with one *number*.

    Raises:
        ValueError, IndexError: see ``fields``.
    """
    return (message[field.value : field.end] for field in fields(message, most) if field.number == number)


def length_prefix(number: int, length: int) -> bytes:
    """What stands in a message before *length* bytes that are a field of bytes, text or another message."""
    return _encoded(number << 3 | _BYTES) + _encoded(length)


def _encoded(number: int) -> bytes:
    low, number = number & 0x7F, number >> 7
    return bytes([low]) if not number else bytes([low | 0x80]) + _encoded(number)


def _varint(message: bytes | mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no protobuf message")
