"""TUM, KITTI, EuRoC and COLMAP text trajectories."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.trajectory import Trajectory

FORMATS = "TUM (stamp x y z qx qy qz qw), KITTI (12 numbers), EuRoC (stamp_ns,x,y,z,qw,qx,qy,qz), COLMAP images.txt"
TUM_COLUMNS, KITTI_COLUMNS, EUROC_COLUMNS, COLMAP_COLUMNS = 8, 12, 8, 10
NANOSECONDS = 1_000_000_000
NANOSECOND_DIGITS = 15  # fewer digits would be a time before 1970-01-12


def read_text_trajectory(path: Path, text: str) -> Trajectory:
    """Recognise the format of *text* by its first line of data and read it.

    Raises:
        SourceError: no known format, or a line that does not fit the first.
    """
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    rows = [(n, line.replace(",", " ").split()) for n, line in lines if line and not line.startswith("#")]
    if not rows:
        raise SourceError(f"{path} holds no pose", f"Expected {FORMATS}, or a CSV with a header")
    first = rows[0][1]
    comma = "," in next(line for _, line in lines if line and not line.startswith("#"))
    if len(first) >= COLMAP_COLUMNS and not _is_number(first[9]):
        return Trajectory("COLMAP", named=_colmap(path, rows))
    if len(first) == KITTI_COLUMNS:
        return Trajectory("KITTI", ordered=[_kitti(_numbers(path, n, row, KITTI_COLUMNS)) for n, row in rows])
    if comma and len(first) >= EUROC_COLUMNS:
        return Trajectory("EuRoC", timed=[_euroc(path, n, row) for n, row in rows])
    if len(first) == TUM_COLUMNS:
        return Trajectory("TUM", timed=[_tum(path, n, row) for n, row in rows])
    raise SourceError(
        f"{path}: line {rows[0][0]} has {len(first)} columns", f"Expected {FORMATS}, or a CSV with a header"
    )


def parse_stamp_ns(text: str) -> int | None:
    """Read ``1305031102.175304`` (seconds) or ``1403636579763555584`` (nanoseconds) exactly; None for anything else.

    Short whole numbers are frame numbers, not times.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite() or value < 0:
        return None
    if "." in text:
        return int(value * NANOSECONDS)
    return int(value) if len(text) >= NANOSECOND_DIGITS else None


def _tum(path: Path, number: int, row: list[str]) -> tuple[int, Pose]:
    values = _numbers(path, number, row, TUM_COLUMNS)
    stamp_ns = int(Decimal(row[0]) * NANOSECONDS)
    x, y, z, qx, qy, qz, qw = values[1:8]
    return stamp_ns, Pose((x, y, z), (qx, qy, qz, qw))


def _euroc(path: Path, number: int, row: list[str]) -> tuple[int, Pose]:
    x, y, z, qw, qx, qy, qz = _numbers(path, number, row[:EUROC_COLUMNS], EUROC_COLUMNS)[1:8]
    return int(Decimal(row[0])), Pose((x, y, z), (qx, qy, qz, qw))


def _kitti(values: list[float]) -> Pose:
    matrix = np.array(values).reshape(3, 4)
    return Pose.from_rotation(matrix[:, 3], Rotation.from_matrix(matrix[:, :3]))


def _colmap(path: Path, rows: list[tuple[int, list[str]]]) -> dict[str, Pose]:
    """COLMAP writes world-to-camera; the lines between hold 2D points."""
    named: dict[str, Pose] = {}
    for number, row in rows:
        if len(row) >= COLMAP_COLUMNS and not _is_number(row[9]):
            qw, qx, qy, qz, x, y, z = _numbers(path, number, row[1:8], 7)
            named[" ".join(row[9:])] = Pose((x, y, z), (qx, qy, qz, qw)).inverse()
    return named


def _numbers(path: Path, number: int, row: list[str], columns: int) -> list[float]:
    try:
        values = [float(cell) for cell in row]
    except ValueError as error:
        raise SourceError(f"{path}: line {number} is not made of numbers ({error})", "Correct or remove it") from error
    if len(values) != columns:
        raise SourceError(
            f"{path}: line {number} has {len(values)} columns, expected {columns}", "Correct or remove it"
        )
    return values


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
