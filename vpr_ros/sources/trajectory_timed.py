# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Trajectories of times and poses: TUM, EuRoC, RTAB-Map's export, and tables whose header names such columns.

Eight numbers on a line are a time, a position and a quaternion in all of them; only EuRoC puts w first. A header says
which is which. Without one, blanks between the numbers mean TUM; commas mean EuRoC where times are nanoseconds, and TUM
where they are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.stamps import StampColumn, TimeUnit, read_stamps
from vpr_ros.sources.text_lines import numbers
from vpr_ros.sources.trajectory import Trajectory

Rows = Sequence[tuple[int, list[str]]]
"""Line number and cells of each line of data."""

COLUMNS: Final = ("stamp", "x", "y", "z", "qx", "qy", "qz", "qw")
HEADER_EXAMPLE: Final = "timestamp,tx,ty,tz,qx,qy,qz,qw"
_SHORTEST_STEP_NS: Final = 100_000
"""Between poses; shorter ones are times in another unit."""
_STAMP_NAMES: Final = frozenset({"timestamp", "time", "stamp", "t", "sec", "secs", "seconds"})
_UNITS: Final = {
    "ns": TimeUnit.NANOSECONDS,
    "us": TimeUnit.MICROSECONDS,
    "ms": TimeUnit.MILLISECONDS,
    "s": TimeUnit.SECONDS,
    "sec": TimeUnit.SECONDS,
}
_POSITION: Final = re.compile(r"(?:t|p|p_|t_|pos_|position_|p_rs_r_|(?:.*_)?position_)?([xyz])(?:_m)?")
_QUATERNION: Final = re.compile(r"(?:q|q_|quat_|quaternion_|rot_|rotation_|q_rs_|(?:.*_)?orientation_)([wxyz])")


@dataclass(frozen=True)
class Header:
    """Which column holds what.

    Attributes:
        format: its name, for people.
        columns: position of each of ``COLUMNS``, and of "id" where there is one.
        said: the unit of the times, where it is said.
        width: how many columns each line has; None where more may follow.
    """

    format: str
    columns: Mapping[str, int]
    said: TimeUnit | None = None
    width: int | None = None


_TUM: Final = Header("TUM", dict(zip(COLUMNS, range(8), strict=True)), width=8)
_TUM_COMMAS: Final = replace(_TUM, format="TUM with commas")
_RTABMAP: Final = Header("RTAB-Map", {**_TUM.columns, "id": 8}, width=9)
_EUROC: Final = Header(
    "EuRoC", dict(zip(("stamp", "x", "y", "z", "qw", "qx", "qy", "qz"), range(8), strict=True)), TimeUnit.NANOSECONDS
)


def read_header(line: str) -> Header | None:
    """Understand a line, comment or not, that names the columns of a timed trajectory; None where it does not."""
    bare = line.lstrip("#").strip()
    separator = next((separator for separator in (",", ";", "\t") if separator in bare), None)
    if separator is None:  # a unit in brackets is no column
        bare = re.sub(r"\s+([\[(][^\])]*[\])])", r"\1", bare)
    found: dict[str, int] = {}
    said = None
    for index, written in enumerate(bare.split(separator)):
        cell = written.strip().strip("'\"").lower()
        bracketed = re.search(r"[\[(]\s*(\w+)\s*[\])]", cell)
        name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"[\[(][^\])]*[\])]", "", cell)).strip("_")
        stem, _, unit = name.rpartition("_")
        if name in _STAMP_NAMES or (stem in _STAMP_NAMES and unit in _UNITS):
            key = "stamp"
            said = said if key in found else _UNITS.get(bracketed[1] if bracketed else unit)
        elif position := _POSITION.fullmatch(name):
            key = position[1]
        elif quaternion := _QUATERNION.fullmatch(name):
            key = f"q{quaternion[1]}"
        else:
            key = name
        found.setdefault(key, index)
    if not set(COLUMNS) <= found.keys():
        return None
    columns: dict[str, int] = {key: found[key] for key in (*COLUMNS, "id") if key in found}
    name = "RTAB-Map" if "id" in columns else "EuRoC" if columns["qw"] < columns["qx"] else "TUM"
    return Header(name, columns, said)


def guess_header(path: Path, rows: Rows, commas: bool) -> Header | None:
    """How to read *rows* when no line says it; None where they are no timed trajectory.

    Raises:
        SourceError: a time that is none, or a table that may be TUM or EuRoC.
    """
    width = len(rows[0][1])
    if not commas:
        with_id = width == _RTABMAP.width and all(cells[-1].isdecimal() for _, cells in rows)
        return _RTABMAP if with_id else _TUM if width == _TUM.width else None
    if width < len(COLUMNS):
        return None
    _check_widths(path, rows, _EUROC)
    column = _stamps(path, rows, _EUROC)
    if column.unit is TimeUnit.SECONDS and width == _TUM.width:
        return _TUM_COMMAS
    steps_ns = [after - before for before, after in pairwise(column.stamps_ns) if after > before]
    if column.unit is TimeUnit.NANOSECONDS and (not steps_ns or median(steps_ns) >= _SHORTEST_STEP_NS):
        return _EUROC
    raise SourceError(
        f"{path}: line {rows[0][0]} has {width} columns with commas and a time that is not in nanoseconds, so w may be "
        "the first number of the quaternion (EuRoC) or the last (TUM)",
        f"Write a first line that names the columns, for example {HEADER_EXAMPLE}",
    )


def read_timed(path: Path, rows: Rows, header: Header) -> Trajectory:
    """Read the columns that *header* names.

    Raises:
        SourceError: a time or number that is none, or a line of another length.
    """
    _check_widths(path, rows, header)
    column = _stamps(path, rows, header)
    wanted = [header.columns[key] for key in COLUMNS[1:]]
    poses = []
    for line, cells in rows:
        x, y, z, qx, qy, qz, qw = numbers(path, line, [cells[index] for index in wanted], len(wanted))
        poses.append(Pose((x, y, z), (qx, qy, qz, qw)))
    ids = [cells[header.columns["id"]] for _, cells in rows] if "id" in header.columns else []
    return Trajectory(
        header.format,
        timed=list(zip(column.stamps_ns, poses, strict=True)),
        ids=ids if all(text.isdecimal() and text.isascii() for text in ids) else (),
        warnings=(column.note,) if column.note else (),
    )


def _check_widths(path: Path, rows: Rows, header: Header) -> None:
    least = header.width or 1 + max(header.columns.values())
    for line, cells in rows:
        if len(cells) < least or (header.width and len(cells) != least):
            raise SourceError(f"{path}: line {line} has {len(cells)} columns, expected {least}", "Correct or remove it")


def _stamps(path: Path, rows: Rows, header: Header) -> StampColumn:
    at = header.columns["stamp"]

    def refuse(index: int) -> SourceError:
        line, cells = rows[index]
        return SourceError(
            f"{path}: line {line} begins with {cells[at][:80]!r}, expected a time of 0 or more", "Correct or remove it"
        )

    return read_stamps(path.name, [(line, cells[at]) for line, cells in rows], refuse, header.said)
