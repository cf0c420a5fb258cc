# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``descriptors.npy``: (N, D) rows of unit length, memory-mapped, grown batch by batch while a map is built."""

from __future__ import annotations

import ast
import io
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.maps.map_files import DAMAGED, map_errors, short

Descriptors = npt.NDArray[np.float32] | npt.NDArray[np.float16]
"""(N, D), rows of unit length."""

DtypeName = Literal["float32", "float16"]

HEADER_BYTES = 128
UNIT_TOLERANCE = {"float32": 1e-3, "float16": 1e-2}
ROWS_PER_CHECK = 4096
ROWS_SAMPLED = 256
LONGEST_HEADER_BYTES = 1000
_MAGIC = b"\x93NUMPY\x01\x00"
_NO_HEADER = (ValueError, TypeError, LookupError, SyntaxError, MemoryError, RecursionError)
"""The header is Python source; what is raised by one that is none depends on the version."""


def npy_header(rows: int, dim: int, dtype: DtypeName) -> bytes:
    """The header of a ``.npy`` file of shape (rows, dim): always 128 bytes, so that it can be written last."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
        stream, {"descr": np.dtype(dtype).newbyteorder("<").str, "fortran_order": False, "shape": (rows, dim)}
    )
    header = stream.getvalue()
    if len(header) != HEADER_BYTES:
        raise AssertionError(f"numpy wrote a header of {len(header)} bytes, expected {HEADER_BYTES}")
    return header


def open_descriptors(path: Path, rows: int, dim: int, dtype: str) -> Descriptors:
    """Map the file into memory and look at 256 rows spread over it.

    Raises:
        MapError: not a ``.npy`` of this shape and dtype, or a sampled row that is not finite or not of unit length.
    """
    with map_errors(path), path.open("rb") as stream:
        try:
            shape, fortran_order, found, offset = _read_header(stream)
        except _NO_HEADER as error:
            raise MapError(f"{path} is not a numpy array ({short(error)})", DAMAGED) from error
        if (shape, fortran_order, found) != ((rows, dim), False, np.dtype(dtype)):
            order = " in columns" if fortran_order else ""
            raise MapError(
                f"{path} holds {shape} {found}{order}, the manifest and frames.csv expect {(rows, dim)} {dtype}",
                DAMAGED,
            )
        descriptors = np.memmap(stream, found, "r", offset, shape)
    check_rows(path, descriptors, np.unique(np.linspace(0, rows - 1, ROWS_SAMPLED).astype(np.int64)))
    return np.asarray(descriptors)  # same memory; the memmap subclass makes every indexing slower


def _read_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether by columns, dtype, and where the rows begin.

    numpy's own ``load`` opens zip files too, and warns of headers that only Python 2 wrote.
    """
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it does not begin as one of version 1")
    length = int.from_bytes(stream.read(2), "little")
    if length > LONGEST_HEADER_BYTES:
        raise ValueError(f"its header has {length} bytes")
    header = ast.literal_eval(stream.read(length).decode("ascii").strip())
    found = np.dtype(header["descr"])
    if found.hasobject:
        raise ValueError("it holds Python objects, which are not read")
    return tuple(header["shape"]), bool(header["fortran_order"]), found, stream.tell()


def check_rows(path: Path, descriptors: Descriptors, indices: npt.NDArray[np.int64]) -> None:
    """Refuse rows that are not finite or not of unit length.

    Raises:
        MapError: which row, and what was found.
    """
    tolerance = UNIT_TOLERANCE[descriptors.dtype.name]
    for start in range(0, len(indices), ROWS_PER_CHECK):
        block = indices[start : start + ROWS_PER_CHECK]
        squared = np.einsum("ij,ij->i", *(2 * [descriptors[block].astype(np.float32)]))
        wrong = ~(np.abs(np.sqrt(squared) - 1.0) <= tolerance)
        if wrong.any():
            row = int(block[wrong.argmax()])
            length = float(np.sqrt(squared[wrong.argmax()]))
            found = f"length {length:.4g}" if np.isfinite(length) else "NaN or infinity"
            raise MapError(
                f"{path}: row {row} has {found}, every descriptor must be finite and of length 1",
                DAMAGED,
            )
