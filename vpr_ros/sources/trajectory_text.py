# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Text trajectories, recognised by their lines: TUM, KITTI, EuRoC, RTAB-Map, COLMAP, timed tables with a header."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.text_lines import is_number, numbered_lines, numbers
from vpr_ros.sources.trajectory import Trajectory
from vpr_ros.sources.trajectory_colmap import is_colmap, read_colmap
from vpr_ros.sources.trajectory_timed import HEADER_EXAMPLE, Header, guess_header, read_header, read_timed

FORMATS = (
    "TUM (stamp x y z qx qy qz qw), KITTI (12 numbers), EuRoC (stamp_ns,x,y,z,qw,qx,qy,qz), COLMAP images.txt, "
    f"or a table whose first line names its columns ({HEADER_EXAMPLE}; file,x_m,y_m)"
)
KITTI_COLUMNS = 12
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)
LARGEST_DISTORTION = 0.1
"""Of a rotation matrix written with few digits: how far its determinant may lie from 1."""


def read_text_trajectory(path: Path, text: str) -> Trajectory:
    """Recognise the format of *text* by its header, or by its first line of data, and read it.

    Raises:
        SourceError: no known format, or a line that does not fit the first.
    """
    lines = numbered_lines(text)
    if is_colmap(path, lines):
        return read_colmap(path, lines)
    lines = [(n, line.strip()) for n, line in lines]
    data = [(n, line) for n, line in lines if line and not line.startswith("#")]
    if not data:
        raise SourceError(f"{path} holds no pose", f"Expected {FORMATS}")
    _refuse_decimal_commas(path, data)
    rows = [(n, cells) for n, line in data if (cells := _cells(line))]
    if not rows:
        raise SourceError(f"{path} holds no pose", f"Expected {FORMATS}")
    named = not any(map(is_number, rows[0][1]))
    header = _header(lines, data[0], named)
    if named:
        if header is None:
            raise SourceError(f"{path}: line {data[0][0]} is {data[0][1][:120]!r}", f"Expected {FORMATS}")
        rows = rows[1:]
    if not rows:
        raise SourceError(f"{path} holds no pose", f"Expected {FORMATS}")
    if header is None and len(rows[0][1]) == KITTI_COLUMNS:
        return Trajectory("KITTI", ordered=[_kitti(path, n, row) for n, row in rows])
    header = header or guess_header(path, rows, "," in data[0][1])
    if header is None:
        raise SourceError(f"{path}: line {rows[0][0]} has {len(rows[0][1])} columns", f"Expected {FORMATS}")
    return read_timed(path, rows, header)


def _header(lines: list[tuple[int, str]], first: tuple[int, str], named: bool) -> Header | None:
    """The line that names the columns: the first that is no comment, or the last comment before it."""
    if named:
        return read_header(first[1])
    above = [line for n, line in lines if n < first[0] and line]
    header = read_header(above[-1]) if above else None
    fits = header is not None and max(header.columns.values()) < len(_cells(first[1]))
    return header if fits else None


def _cells(line: str) -> list[str]:
    """Between separators a cell may be empty; blanks are separators too, and what follows the last one is nothing."""
    separator = next((separator for separator in (",", ";", "\t") if separator in line), None)
    if separator is None:
        return line.split()
    cells = [part.strip("'\"") for cell in line.split(separator) for part in (cell.split() or [""])]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _refuse_decimal_commas(path: Path, lines: list[tuple[int, str]]) -> None:
    """``0,5 1,0`` would be read as four numbers."""
    for number, line in lines:
        cells = re.split(r"[\s;]+", line)
        decimal = next((cell for cell in cells if _DECIMAL_COMMA.fullmatch(cell)), None)
        if decimal is not None and len(cells) > 1:
            raise SourceError(
                f"{path}: line {number} has decimal commas, {decimal} for one",
                "Write decimal points, for example with `sed -i s/,/./g`",
            )


def _kitti(path: Path, number: int, row: list[str]) -> Pose:
    matrix = np.array(numbers(path, number, row, KITTI_COLUMNS)).reshape(3, 4)
    if not np.isfinite(matrix).all():  # an image that could not be placed: left out and counted later
        return Pose((math.nan, math.nan, math.nan), None)
    fault = rotation_fault(matrix[:, :3])
    if fault:
        raise SourceError(
            f"{path}: line {number} is no rotation and position ({fault})",
            "Correct it, or write nan in all twelve columns to leave the image out",
        )
    return Pose.from_rotation(matrix[:, 3], Rotation.from_matrix(matrix[:, :3]))


def rotation_fault(matrix: npt.NDArray[np.float64]) -> str:
    """Why a (3, 3) matrix is no rotation, for people; "" where it is one."""
    with np.errstate(over="ignore", invalid="ignore"):
        determinant = float(np.linalg.det(matrix))
        apart = float(np.abs(matrix @ matrix.T - np.eye(3)).max())
    if not abs(determinant - 1.0) <= LARGEST_DISTORTION:
        return f"determinant {determinant:.3g}, expected 1"
    return "" if apart <= 2 * LARGEST_DISTORTION else "its rows are not of length 1 and at right angles"
