# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``.npy`` files of a map: rows of one shape, written row by row with the header last, mapped or read row by row."""

from __future__ import annotations

import ast
import io
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.maps.map_files import DAMAGED, map_errors, short

HEADER_BYTES: Final = 128
LONGEST_HEADER_BYTES: Final = 1000
_MAGIC: Final = b"\x93NUMPY\x01\x00"
_NO_HEADER: Final = (ValueError, TypeError, LookupError, SyntaxError, MemoryError, RecursionError)
"""The header is Python source; what is raised by one that is none depends on the version."""


def npy_header(shape: tuple[int, ...], dtype: str) -> bytes:
    """The header of a ``.npy`` file of *shape*: always 128 bytes, so that it can be written last."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
        stream, {"descr": np.dtype(dtype).newbyteorder("<").str, "fortran_order": False, "shape": shape}
    )
    header = stream.getvalue()
    if len(header) != HEADER_BYTES:
        raise AssertionError(f"numpy wrote a header of {len(header)} bytes, expected {HEADER_BYTES}")
    return header


def map_array(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Map the file into memory.

    Raises:
        MapError: not a ``.npy`` of this shape and dtype.
    """
    with map_errors(path), path.open("rb") as stream:
        offset = check_header(path, stream, shape, dtype)
        mapped = np.memmap(stream, np.dtype(dtype), "r", offset, shape)
    return np.asarray(mapped)  # same memory; the memmap subclass makes every indexing slower


def check_header(path: Path, stream: BinaryIO, shape: tuple[int, ...], dtype: npt.DTypeLike) -> int:
    """Compare the header of an open file with what should be there; returns where the rows begin.

    Raises:
        MapError: it is none, or of another shape or dtype.
    """
    try:
        found_shape, fortran_order, found, offset = _read_header(stream)
    except _NO_HEADER as error:
        raise MapError(f"{path} is not a numpy array ({short(error)})", DAMAGED) from error
    if (found_shape, fortran_order, found) != (shape, False, np.dtype(dtype)):
        order = " in columns" if fortran_order else ""
        raise MapError(
            f"{path} holds {found_shape} {found}{order}, the manifest and frames.csv expect {shape} {dtype}", DAMAGED
        )
    return offset


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
