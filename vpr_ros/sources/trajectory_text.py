"""TUM, KITTI, EuRoC and COLMAP text trajectories."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.stamps import nanoseconds_in_column, stamp_in_column
from vpr_ros.sources.trajectory import Trajectory

FORMATS = "TUM (stamp x y z qx qy qz qw), KITTI (12 numbers), EuRoC (stamp_ns,x,y,z,qw,qx,qy,qz), COLMAP images.txt"
TUM_COLUMNS, KITTI_COLUMNS, EUROC_COLUMNS, COLMAP_COLUMNS = 8, 12, 8, 10
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)
LARGEST_DISTORTION = 0.1
"""Of a rotation matrix written with few digits: how far its determinant may lie from 1."""


def read_text_trajectory(path: Path, text: str) -> Trajectory:
    """Recognise the format of *text* by its first line of data and read it.

    Raises:
        SourceError: no known format, or a line that does not fit the first.
    """
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    _refuse_decimal_commas(path, lines)
    rows = [(n, line.replace(",", " ").split()) for n, line in lines if line and not line.startswith("#")]
    if not rows:
        raise SourceError(f"{path} holds no pose", f"Expected {FORMATS}, or a CSV with a header")
    first = rows[0][1]
    comma = "," in next(line for _, line in lines if line and not line.startswith("#"))
    if len(first) >= COLMAP_COLUMNS and not _is_number(first[9]):
        return Trajectory("COLMAP", named=_colmap(path, rows))
    if len(first) == KITTI_COLUMNS:
        return Trajectory("KITTI", ordered=[_kitti(path, n, row) for n, row in rows])
    if comma and len(first) >= EUROC_COLUMNS:
        return Trajectory("EuRoC", timed=[_euroc(path, n, row) for n, row in rows])
    if len(first) == TUM_COLUMNS:
        return Trajectory("TUM", timed=[_tum(path, n, row) for n, row in rows])
    raise SourceError(
        f"{path}: line {rows[0][0]} has {len(first)} columns", f"Expected {FORMATS}, or a CSV with a header"
    )


def _refuse_decimal_commas(path: Path, lines: list[tuple[int, str]]) -> None:
    """``0,5 1,0`` would be read as four numbers."""
    for number, line in lines:
        cells = line.split()
        decimal = next((cell for cell in cells if _DECIMAL_COMMA.fullmatch(cell)), None)
        if decimal is not None and len(cells) > 1 and not line.startswith("#"):
            raise SourceError(
                f"{path}: line {number} has decimal commas, {decimal} for one",
                "Write decimal points, for example with `sed -i s/,/./g`",
            )


def _tum(path: Path, number: int, row: list[str]) -> tuple[int, Pose]:
    x, y, z, qx, qy, qz, qw = _numbers(path, number, row, TUM_COLUMNS, first=1)
    return _stamp(path, number, stamp_in_column(row[0]), row[0]), Pose((x, y, z), (qx, qy, qz, qw))


def _euroc(path: Path, number: int, row: list[str]) -> tuple[int, Pose]:
    x, y, z, qw, qx, qy, qz = _numbers(path, number, row[:EUROC_COLUMNS], EUROC_COLUMNS, first=1)
    return _stamp(path, number, nanoseconds_in_column(row[0]), row[0]), Pose((x, y, z), (qx, qy, qz, qw))


def _stamp(path: Path, number: int, stamp_ns: int | None, cell: str) -> int:
    if stamp_ns is None:
        raise SourceError(
            f"{path}: line {number} begins with {cell!r}, expected a time of 0 or more", "Correct or remove it"
        )
    return stamp_ns


def _kitti(path: Path, number: int, row: list[str]) -> Pose:
    matrix = np.array(_numbers(path, number, row, KITTI_COLUMNS)).reshape(3, 4)
    if not np.isfinite(matrix).all():  # an image that could not be placed: left out and counted later
        return Pose((math.nan, math.nan, math.nan), None)
    determinant = float(np.linalg.det(matrix[:, :3]))
    if abs(determinant - 1.0) > LARGEST_DISTORTION:
        raise SourceError(
            f"{path}: line {number} is no rotation and position (determinant {determinant:.3g}, expected 1)",
            "Correct it, or write nan in all twelve columns to leave the image out",
        )
    return Pose.from_rotation(matrix[:, 3], Rotation.from_matrix(matrix[:, :3]))


def _colmap(path: Path, rows: list[tuple[int, list[str]]]) -> dict[str, Pose]:
    """COLMAP writes world-to-camera; the lines between hold 2D points."""
    named: dict[str, Pose] = {}
    for number, row in rows:
        if len(row) < COLMAP_COLUMNS or _is_number(row[9]):
            continue
        qw, qx, qy, qz, x, y, z = _numbers(path, number, row[1:8], 7)
        T_camera_world = Pose((x, y, z), (qx, qy, qz, qw))
        if not T_camera_world.is_finite:
            raise SourceError(
                f"{path}: line {number} gives {' '.join(row[9:])} the pose {' '.join(row[1:8])}, expected finite "
                "numbers and a quaternion that is not zero",
                "Remove the image from the model and export images.txt again, or remove its two lines",
            )
        named[" ".join(row[9:])] = T_camera_world.inverse()
    return named


def _numbers(path: Path, number: int, row: list[str], columns: int, first: int = 0) -> list[float]:
    """The numbers of a line of so many columns, from column *first* on."""
    if len(row) != columns:
        raise SourceError(f"{path}: line {number} has {len(row)} columns, expected {columns}", "Correct or remove it")
    try:
        return [float(cell) for cell in row[first:]]
    except ValueError as error:
        raise SourceError(f"{path}: line {number} is not made of numbers ({error})", "Correct or remove it") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
