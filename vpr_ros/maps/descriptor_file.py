"""``descriptors.npy``: (N, D) rows of unit length, memory-mapped, grown batch by batch while a map is built."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError

Descriptors = npt.NDArray[np.float32] | npt.NDArray[np.float16]
"""(N, D), rows of unit length."""

DtypeName = Literal["float32", "float16"]

HEADER_BYTES = 128
UNIT_TOLERANCE = {"float32": 1e-3, "float16": 1e-2}
ROWS_PER_CHECK = 4096
ROWS_SAMPLED = 256


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
    remedy = "Restore the file from a backup or build the map again"
    try:
        descriptors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise MapError(f"{path} is not a numpy array ({error})", remedy) from error
    found = f"{descriptors.shape} {descriptors.dtype}"
    if descriptors.shape != (rows, dim) or descriptors.dtype != np.dtype(dtype):
        raise MapError(f"{path} holds {found}, the manifest and frames.csv expect {(rows, dim)} {dtype}", remedy)
    check_rows(path, descriptors, np.unique(np.linspace(0, rows - 1, ROWS_SAMPLED).astype(np.int64)))
    return np.asarray(descriptors)  # same memory; the memmap subclass makes every indexing slower


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
                "Restore the file from a backup or build the map again",
            )
