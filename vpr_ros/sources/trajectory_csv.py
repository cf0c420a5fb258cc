"""Plain CSV trajectories with a header: one line per image, in metres or in latitude and longitude."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.sources.geodetic import local_enu
from vpr_ros.sources.stamps import nanoseconds_in_column, stamp_in_column
from vpr_ros.sources.trajectory import Trajectory

FILE_COLUMNS: Final = ("file", "filename", "image", "name")
QUATERNION: Final = ("qx", "qy", "qz", "qw")
SEPARATORS: Final = (",", ";", "\t")
EXPECTED: Final = (
    "file,x_m,y_m[,z_m][,yaw_rad or yaw_deg or qx,qy,qz,qw][,stamp_ns or timestamp], or file,lat,lon[,alt]"
)
STAMP_COLUMNS: Final[Mapping[str, Callable[[str], int | None]]] = {
    "stamp_ns": nanoseconds_in_column,
    "stamp_s": stamp_in_column,
    "timestamp": stamp_in_column,
    "stamp": stamp_in_column,
    "time": stamp_in_column,
}
HEADINGS_OF_TWO_MEANINGS: Final = ("heading", "heading_deg", "heading_rad", "yaw", "bearing")


@dataclass(frozen=True)
class _Line:
    """One line of the table with what is needed to name it in a message."""

    path: Path
    number: int
    cells: Mapping[str, str]

    def value(self, column: str, default: float | None = None) -> float:
        cell = (self.cells.get(column) or "").strip()
        if not cell and default is not None:
            return default
        try:
            return float(cell)
        except ValueError as error:
            raise self.error(column, cell, "a number with a decimal point" if "," in cell else "a number") from error

    def stamp_ns(self, column: str) -> int:
        cell = (self.cells.get(column) or "").strip()
        stamp_ns = STAMP_COLUMNS[column](cell)
        if stamp_ns is None:
            raise self.error(column, cell, "a time as a number, in seconds or nanoseconds")
        return stamp_ns

    def error(self, column: str, cell: str, expected: str) -> SourceError:
        return SourceError(
            f"{self.path}: line {self.number}: {column} is {cell!r}, expected {expected}", "Correct or remove the line"
        )


def looks_like_csv(text: str) -> bool:
    """Whether the first line is a header that names a file column."""
    return _separator(text) is not None


def _separator(text: str) -> str | None:
    """What stands between the columns: a comma, or what a spreadsheet writes where that is the decimal point."""
    header = text.lstrip("\ufeff").splitlines()[0].lower() if text.strip() else ""
    names = {separator: {cell.strip().strip('"') for cell in header.split(separator)} for separator in SEPARATORS}
    return next((separator for separator in SEPARATORS if names[separator] & set(FILE_COLUMNS)), None)


def read_csv_trajectory(path: Path, text: str) -> Trajectory:
    """Read poses by image name. Without a column of headings the orientation is unknown, not zero.

    Raises:
        SourceError: a column is missing, a number is none, or an image stands twice.
    """
    header, lines = _table(path, text)
    columns = set(header)
    if not lines:
        raise SourceError(f"{path} holds no pose", f"Expected {EXPECTED}")
    datum = None
    if {"lat", "lon"} <= columns:
        poses, datum = _geodetic(lines)
    elif {"x_m", "y_m"} <= columns:
        poses = {name: _pose(line, columns) for name, line in lines.items()}
    else:
        raise SourceError(f"{path} has the columns {', '.join(header)}", f"Expected {EXPECTED}")
    stamp_column = next((column for column in STAMP_COLUMNS if column in columns), None)
    stamps_ns = {} if stamp_column is None else {name: line.stamp_ns(stamp_column) for name, line in lines.items()}
    return Trajectory("CSV", named=poses, datum=datum, stamps_ns=stamps_ns, warnings=_not_used(path, columns))


def _table(path: Path, text: str) -> tuple[list[str], dict[str, _Line]]:
    try:
        rows = list(csv.reader(text.lstrip("\ufeff").splitlines(), delimiter=_separator(text) or ","))
    except csv.Error as error:
        raise SourceError(f"{path} is no CSV file ({error})", f"Expected {EXPECTED}") from error
    header = [name.strip().lower() for name in rows[0]]
    file_column = next(name for name in FILE_COLUMNS if name in header)
    lines: dict[str, _Line] = {}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if any(cell.strip() for cell in row[len(header) :]):
            raise SourceError(
                f"{path}: line {number} has {len(row)} cells, the header names {len(header)}",
                "Write decimal points, not commas, and put names that hold a comma in quotes",
            )
        line = _Line(path, number, dict(zip(header, row, strict=False)))
        name = line.cells.get(file_column, "").strip()
        if not name or name in lines:
            raise SourceError(
                f"{path}: line {number} names {name!r}, a file that is empty or named before", "Correct it"
            )
        lines[name] = line
    return header, lines


def _geodetic(lines: Mapping[str, _Line]) -> tuple[dict[str, Pose], GeoDatum | None]:
    """Latitudes and longitudes in a local frame; images without one keep a pose that is not finite."""
    fixes = {}
    for name, line in lines.items():
        latitude_deg, longitude_deg, altitude_m = line.value("lat"), line.value("lon"), line.value("alt", 0.0)
        if abs(latitude_deg) > 90 or abs(longitude_deg) > 360:
            raise line.error("lat, lon", f"{latitude_deg}, {longitude_deg}", "degrees")
        if math.isfinite(latitude_deg) and math.isfinite(longitude_deg):
            fixes[name] = (latitude_deg, longitude_deg, altitude_m)
    unknown = Pose((math.nan, math.nan, math.nan), None)
    if not fixes:
        return dict.fromkeys(lines, unknown), None
    enu, datum = local_enu(*zip(*fixes.values(), strict=True))
    known = {name: Pose((x, y, z), None) for name, (x, y, z) in zip(fixes, enu.tolist(), strict=True)}
    return {name: known.get(name, unknown) for name in lines}, datum


def _pose(line: _Line, columns: set[str]) -> Pose:
    position_m = (line.value("x_m"), line.value("y_m"), line.value("z_m", 0.0))
    if set(QUATERNION) <= columns:
        qx, qy, qz, qw = (line.value(column) for column in QUATERNION)
        return Pose(position_m, (qx, qy, qz, qw))
    if not {"yaw_rad", "yaw_deg"} & columns:
        return Pose(position_m, None)
    yaw_rad = line.value("yaw_rad") if "yaw_rad" in columns else math.radians(line.value("yaw_deg"))
    if not math.isfinite(yaw_rad):
        return Pose((math.nan, math.nan, math.nan), None)
    return Pose.from_rotation(position_m, Rotation.from_euler("z", yaw_rad))


def _not_used(path: Path, columns: set[str]) -> tuple[str, ...]:
    """A heading under a name of two meanings must not be lost without a word."""
    if columns & {*QUATERNION, "yaw_rad", "yaw_deg"}:
        return ()
    return tuple(
        f"{path.name}: column {column} is not read, give yaw_deg or yaw_rad (from x towards y)"
        for column in HEADINGS_OF_TWO_MEANINGS
        if column in columns
    )
