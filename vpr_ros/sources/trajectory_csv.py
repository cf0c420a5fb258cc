"""Plain CSV trajectories with a header: one line per image, in metres or in latitude and longitude."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.geodetic import local_enu
from vpr_ros.sources.trajectory import Trajectory

FILE_COLUMNS = ("file", "filename", "image", "name")
EXPECTED = "file,x_m,y_m[,z_m][,yaw_rad or yaw_deg or qx,qy,qz,qw], or file,lat,lon[,alt]"


def looks_like_csv(text: str) -> bool:
    """Whether the first line is a header that names a file column."""
    header = text.lstrip("\ufeff").splitlines()[0] if text.strip() else ""
    return bool({cell.strip().lower() for cell in header.split(",")} & set(FILE_COLUMNS))


def read_csv_trajectory(path: Path, text: str) -> Trajectory:
    """Read poses by image name.

    Raises:
        SourceError: a column is missing, a number is none, or an image stands twice.
    """
    reader = csv.DictReader(text.lstrip("\ufeff").splitlines())
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    columns = set(reader.fieldnames)
    file_column = next(name for name in FILE_COLUMNS if name in columns)
    geodetic = {"lat", "lon"} <= columns
    if not geodetic and not {"x_m", "y_m"} <= columns:
        raise SourceError(f"{path} has the columns {', '.join(reader.fieldnames)}", f"Expected {EXPECTED}")
    rows: dict[str, Mapping[str, str]] = {}
    for number, row in enumerate(reader, 2):
        name = (row[file_column] or "").strip()
        if not name or name in rows:
            raise SourceError(
                f"{path}: line {number} names {name!r}, a file that is empty or named before", "Correct it"
            )
        rows[name] = row
    if not rows:
        raise SourceError(f"{path} holds no pose", f"Expected {EXPECTED}")
    if geodetic:
        values = [[_number(path, row, key, default) for row in rows.values()] for key, default in _GEODETIC]
        enu, datum = local_enu(*values)
        poses = [Pose((east, north, up), None) for east, north, up in enu.tolist()]
        return Trajectory("CSV", named=dict(zip(rows, poses, strict=True)), datum=datum)
    return Trajectory("CSV", named={name: _pose(path, row, columns) for name, row in rows.items()})


_GEODETIC = (("lat", None), ("lon", None), ("alt", 0.0))


def _pose(path: Path, row: Mapping[str, str], columns: set[str]) -> Pose:
    position_m = (_number(path, row, "x_m"), _number(path, row, "y_m"), _number(path, row, "z_m", 0.0))
    if {"qx", "qy", "qz", "qw"} <= columns:
        qx, qy, qz, qw = (_number(path, row, key) for key in ("qx", "qy", "qz", "qw"))
        return Pose(position_m, (qx, qy, qz, qw))
    if "yaw_rad" in columns:
        return Pose.from_rotation(position_m, Rotation.from_euler("z", _number(path, row, "yaw_rad")))
    if "yaw_deg" in columns:
        return Pose.from_rotation(position_m, Rotation.from_euler("z", math.radians(_number(path, row, "yaw_deg"))))
    return Pose(position_m, None)


def _number(path: Path, row: Mapping[str, str], key: str, default: float | None = None) -> float:
    cell = (row.get(key) or "").strip()
    if not cell and default is not None:
        return default
    try:
        return float(cell)
    except ValueError as error:
        raise SourceError(f"{path}: {key} is {cell!r} in {dict(row)}, expected a number", "Correct the line") from error
