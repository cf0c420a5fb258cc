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
from typing import Final

from vpr_ros.inference.protobuf import Field, values

METADATA_FIELD: Final = 14
_KEY, _VALUE = 1, 2
"""Field numbers of ``metadata_props`` in ONNX's ``ModelProto``, and of the halves of an entry."""

_MOST_IN_ENTRY: Final = 16
"""Fields: it has two, and one of a million would be looked through in every file."""

Message = bytes | mmap.mmap


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Map the file *path* into memory.

    Raises:
        OSError, ValueError: it cannot be read, or is empty.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def metadata_entry(message: Message, field: Field) -> tuple[bytes, bytes] | None:
    """Key and value of an entry of ``metadata_props``; None for another field.

    Raises:
        ValueError, IndexError: it is no such entry.
    """
    if field.number != METADATA_FIELD:
        return None
    entry = message[field.value : field.end]
    key, value = (next(values(entry, number, _MOST_IN_ENTRY), b"") for number in (_KEY, _VALUE))
    return key, value
