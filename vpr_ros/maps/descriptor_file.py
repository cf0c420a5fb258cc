# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``descriptors.npy``: (N, D) rows of unit length, memory-mapped, grown batch by batch while a map is built."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.maps.map_files import DAMAGED
from vpr_ros.maps.npy_file import map_array

Descriptors = npt.NDArray[np.float32] | npt.NDArray[np.float16]
"""(N, D), rows of unit length."""

DtypeName = Literal["float32", "float16"]

UNIT_TOLERANCE = {"float32": 1e-3, "float16": 1e-2}
ROWS_PER_CHECK = 4096
ROWS_SAMPLED = 256


def open_descriptors(path: Path, rows: int, dim: int, dtype: str) -> Descriptors:
    """Map the file into memory and look at 256 rows spread over it.

    Raises:
        MapError: not a ``.npy`` of this shape and dtype, or a sampled row that is not finite or not of unit length.
    """
    descriptors: Descriptors = map_array(path, (rows, dim), dtype)
    check_rows(path, descriptors, np.unique(np.linspace(0, rows - 1, ROWS_SAMPLED).astype(np.int64)))
    return descriptors


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
