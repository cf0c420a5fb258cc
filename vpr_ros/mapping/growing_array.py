# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A ``.npy`` file that grows row by row while a map is built, and gets its header when it is complete."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.journal import START_AGAIN
from vpr_ros.maps.npy_file import HEADER_BYTES, npy_header

ROWS_PER_WRITE = 4096


class GrowingArray:
    """Rows of one shape on disk; those of the map that is added to come first.

    Args:
        path: the file.
        shape, dtype: of one row.
        base: (N, *shape) rows that come first.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str, base: npt.NDArray[Any] | None) -> None:
        self._path, self._shape, self._dtype, self._base = path, shape, np.dtype(dtype), base
        self._row_bytes = int(np.prod(shape)) * self._dtype.itemsize
        self._stream: BinaryIO | None = None

    def start(self) -> None:
        """Begin with the rows of the base."""
        # A new file: the old one may be the rest of a replaced map, which a running node still reads.
        self._path.unlink(missing_ok=True)
        self._stream = self._path.open("wb")
        self._stream.write(bytes(HEADER_BYTES))
        if self._base is not None:
            for start in range(0, len(self._base), ROWS_PER_WRITE):
                self._stream.write(self._base[start : start + ROWS_PER_WRITE].tobytes())
        sync(self._stream)

    def go_on(self, rows: int) -> None:
        """Go on after *rows* rows besides those of the base; what follows them is cut off.

        Raises:
            MapError: it is not there, or has fewer.
        """
        if not self._path.is_file() or self._path.is_symlink():
            raise MapError(f"{self._path.parent} lacks {self._path.name}", START_AGAIN)
        self._stream = self._path.open("r+b")
        expected = HEADER_BYTES + self._all(rows) * self._row_bytes
        if (found := self._stream.seek(0, os.SEEK_END)) < expected:
            raise MapError(f"{self._path} has {found} bytes, its journal says {expected}", START_AGAIN)
        self._stream.truncate(expected)
        self._stream.seek(expected)

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Write (B, *shape) rows; when this returns they survive a crash."""
        self._open.write(np.ascontiguousarray(rows, dtype=self._dtype).tobytes())
        sync(self._open)

    def finish(self, rows: int) -> None:
        """Write the header, now that it is known that there are *rows* rows besides those of the base."""
        self._open.seek(0)
        self._open.write(npy_header((self._all(rows), *self._shape), self._dtype.str))
        sync(self._open)

    def close(self) -> None:
        """Let go of the file."""
        if self._stream is not None:
            self._stream.close()

    def _all(self, rows: int) -> int:
        return rows + (0 if self._base is None else len(self._base))

    @property
    def _open(self) -> BinaryIO:
        if self._stream is None:
            raise AssertionError("the file was not started")
        return self._stream


def sync(stream: BinaryIO) -> None:
    """Put on disk what was written."""
    stream.flush()
    os.fsync(stream.fileno())
