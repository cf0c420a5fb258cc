# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Plain CSV trajectories with a header: one line per image, in metres or in latitude and longitude."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.sources.geodetic import local_enu
from vpr_ros.sources.stamps import StampColumn, TimeUnit, read_stamps
from vpr_ros.sources.trajectory import Trajectory

FILE_COLUMNS: Final = ("file", "filename", "image", "name")
QUATERNION: Final = ("qx", "qy", "qz", "qw")
SEPARATORS: Final = (",", ";", "\t")
EXPECTED: Final = (
    "file,x_m,y_m[,z_m][,yaw_rad or yaw_deg or qx,qy,qz,qw][,stamp_ns or timestamp], or file,lat,lon[,alt]"
)
STAMP_COLUMNS: Final[Mapping[str, TimeUnit | None]] = {
    "stamp_ns": TimeUnit.NANOSECONDS,
    "stamp_s": TimeUnit.SECONDS,
    "timestamp": None,
    "stamp": None,
    "time": None,
}
"""And the unit that the name says."""
HEADINGS_OF_TWO_MEANINGS: Final = ("heading", "heading_deg", "heading_rad", "yaw", "bearing")


@dataclass(frozen=True)
class _Line:
    """One line of the table with what is needed to name it in a message."""

    path: Path
    number: int
    cells: Mapping[str, str]

    def value(self, column: str, default: float | None = None) -> float:
        cell = self.text(column)
        if not cell and default is not None:
            return default
        try:
            return float(cell)
        except ValueError as error:
            raise self.error(column, cell, "a number with a decimal point" if "," in cell else "a number") from error

    def text(self, column: str) -> str:
        return (self.cells.get(column) or "").strip()

    def error(self, column: str, cell: str, expected: str) -> SourceError:
        return SourceError(
            f"{self.path}: line {self.number}: {column} is {cell[:80]!r}, expected {expected}",
            "Correct or remove the line",
        )


def looks_like_csv(text: str) -> bool:
    """Whether the first line is a header that names a file column."""
    return _separator(text) is not None


def _separator(text: str) -> str | None:
    """What stands between the columns: a comma, or what a spreadsheet writes where that is the decimal point."""
    header = re.split(r"[\r\n]", text.lstrip("\ufeff"), maxsplit=1)[0]
    return next((one for one in SEPARATORS if set(_names(header.split(one))) & set(FILE_COLUMNS)), None)


def _names(cells: Sequence[str]) -> list[str]:
    """Names of columns, without the quotes and blanks that some writers put around them."""
    return [cell.strip().strip("'\"").strip().lower() for cell in cells]


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
    notes = _not_used(path, columns)
    if {"lat", "lon"} <= columns:
        poses, datum, without_fix = _geodetic(lines)
        if without_fix:
            notes.append(f"{path.name}: {without_fix} of {len(lines)} positions are 0, 0 (no fix) and not used")
    elif {"x_m", "y_m"} <= columns:
        poses = {name: _pose(line, columns) for name, line in lines.items()}
    else:
        raise SourceError(f"{path} has the columns {', '.join(header)[:200]}", f"Expected {EXPECTED}")
    stamp_column = next((column for column in STAMP_COLUMNS if column in columns), None)
    column = StampColumn([], TimeUnit.SECONDS)
    if stamp_column is not None:
        column = _stamps(path, list(lines.values()), stamp_column)
        notes += [column.note] if column.note else []
    stamps_ns = dict(zip(lines, column.stamps_ns, strict=False))
    return Trajectory("CSV", named=poses, datum=datum, stamps_ns=stamps_ns, warnings=tuple(notes))


def _stamps(path: Path, lines: Sequence[_Line], column: str) -> StampColumn:
    def refuse(index: int) -> SourceError:
        line = lines[index]
        return line.error(column, line.text(column), "a time as a number, in seconds or nanoseconds")

    return read_stamps(path.name, [(line.number, line.text(column)) for line in lines], refuse, STAMP_COLUMNS[column])


def _table(path: Path, text: str) -> tuple[list[str], dict[str, _Line]]:
    try:
        stream = StringIO(text.lstrip("\ufeff"), newline="")
        reader = csv.reader(stream, delimiter=_separator(text) or ",", skipinitialspace=True)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise SourceError(f"{path} is no CSV file ({error})", f"Expected {EXPECTED}") from error
    header = _names(rows[0][1])
    file_column = next((name for name in FILE_COLUMNS if name in header), None)
    if file_column is None or len(set(header) - {""}) != sum(map(bool, header)):
        raise SourceError(f"{path} has the columns {', '.join(header)[:200]}", f"Expected {EXPECTED}, each once")
    lines: dict[str, _Line] = {}
    for number, row in rows[1:]:
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
                f"{path}: line {number} names {name[:80]!r}, a file that is empty or named before", "Correct it"
            )
        lines[name] = line
    return header, lines


def _geodetic(lines: Mapping[str, _Line]) -> tuple[dict[str, Pose], GeoDatum | None, int]:
    """Latitudes and longitudes in a local frame; images without one keep a pose that is not finite.

    Receivers write 0, 0 while they have no fix: how many of these lie among others is the third answer.
    """
    fixes = {}
    for name, line in lines.items():
        latitude_deg, longitude_deg, altitude_m = line.value("lat"), line.value("lon"), line.value("alt", 0.0)
        if abs(latitude_deg) > 90 or abs(longitude_deg) > 360:
            raise line.error("lat, lon", f"{latitude_deg}, {longitude_deg}", "degrees")
        if math.isfinite(latitude_deg) and math.isfinite(longitude_deg):
            fixes[name] = (latitude_deg, longitude_deg, altitude_m)
    unknown = Pose((math.nan, math.nan, math.nan), None)
    without_fix = [name for name, fix in fixes.items() if fix[:2] == (0.0, 0.0)]
    if len(without_fix) < len(fixes):
        fixes = {name: fix for name, fix in fixes.items() if fix[:2] != (0.0, 0.0)}
    else:
        without_fix = []
    if not fixes:
        return dict.fromkeys(lines, unknown), None, 0
    enu, datum = local_enu(*zip(*fixes.values(), strict=True))
    known = {name: Pose((x, y, z), None) for name, (x, y, z) in zip(fixes, enu.tolist(), strict=True)}
    return {name: known.get(name, unknown) for name in lines}, datum, len(without_fix)


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


def _not_used(path: Path, columns: set[str]) -> list[str]:
    """A heading under a name of two meanings must not be lost without a word."""
    if columns & {*QUATERNION, "yaw_rad", "yaw_deg"}:
        return []
    return [
        f"{path.name}: column {column} is not read, give yaw_deg or yaw_rad (from x towards y)"
        for column in HEADINGS_OF_TWO_MEANINGS
        if column in columns
    ]
