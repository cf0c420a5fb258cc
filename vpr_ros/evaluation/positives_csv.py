# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Positives given by hand or by another tool: a CSV file with a query column and a positives column."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.core.files import read_text
from vpr_ros.core.printable import printable
from vpr_ros.evaluation.frame_names import FrameNames
from vpr_ros.evaluation.name_cells import read_column
from vpr_ros.evaluation.positives import BoolArray, Positives

QUERY_COLUMN = "query"
INFORMATIVE_COLUMN = "informative"
_YES, _NO = ("1", "true", "yes", ""), ("0", "false", "no")
_SEPARATORS = (",", ";", "\t")
_POSITIVES_EXAMPLE = "Give it the columns query,positives such as: query/041.jpg,map/001.jpg map/002.jpg"


@dataclass(frozen=True, eq=False)
class GivenPositives:
    """A positives file matched with a map and a query set.

    Attributes:
        positives: per query of the source; a query the file does not name has no correct answer.
        informative: (Q,) bool, False where the file's column ``informative`` says 0.
        unlisted_queries: queries of the source the file does not name.
        missing_map_frames: names of the file that the map does not hold (a keyframe gate may have dropped them).
    """

    positives: Positives
    informative: BoolArray
    unlisted_queries: int
    missing_map_frames: int


@dataclass(frozen=True)
class _Table:
    """The columns that count, cell by cell, and the name of the second."""

    queries: list[str]
    positives: list[str]
    informative: list[bool]
    positives_column: str


def read_positives(path: Path, map_names: Sequence[str], query_names: Sequence[str]) -> GivenPositives:
    """Read *path* and match it with the names of map frames (N,) and queries (Q,).

    The column ``query`` names the query; the column ``positives`` (or the first one whose name begins so, such as
    ``positives_pm2``; or ``positive``) its correct map frames, separated by spaces or semicolons, or one per row in
    several rows. Names may hold spaces themselves; they are matched as ``FrameNames`` and ``read_column`` say. Columns
    are separated by commas, semicolons or tabs; others are ignored.

    Raises:
        SourceError: no such file, a missing column, an ambiguous name, or names that fit nothing at all.
    """
    table = _read_table(path)
    found_queries = read_column(
        table.queries, FrameNames(query_names, "the queries"), f"{path}, column {QUERY_COLUMN!r},", several=False
    )
    found_places = read_column(
        table.positives, FrameNames(map_names, "the map"), f"{path}, column {table.positives_column!r},", several=True
    )
    lists: list[list[int]] = [[] for _ in query_names]
    listed = np.zeros(len(query_names), dtype=np.bool_)
    informative = np.ones(len(query_names), dtype=np.bool_)
    missing = matched = 0
    for query, places, tells in zip(found_queries, found_places, table.informative, strict=True):
        for number in query.frames:
            listed[number] = True
            informative[number] &= tells
            lists[number] += places.frames
            missing += places.missing
            matched += len(places.frames)
    _check_matched(path, listed, matched, table, query_names, map_names)
    rule = f"listed in {path.name}, column {table.positives_column}"
    return GivenPositives(Positives.from_lists(lists, rule), informative, int((~listed).sum()), missing)


def _read_table(path: Path) -> _Table:
    text = read_text(path, SourceError)
    for separator in _SEPARATORS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        try:
            lines = [(reader.line_num, [cell.strip() for cell in line]) for line in reader]
        except csv.Error as error:
            raise SourceError(f"{path}: the positives cannot be read ({error})", _POSITIVES_EXAMPLE) from error
        lines = [(number, line) for number, line in lines if any(line)]
        header = lines[0][1] if lines else []
        positives = [name for name in header if name.startswith("positive")]
        if QUERY_COLUMN in header and positives:
            return _columns(path, header, "positives" if "positives" in positives else positives[0], lines[1:])
    header = next(csv.reader(io.StringIO(text, newline="")), [])
    raise SourceError(f"{path}: columns {header[:20]}, expected {QUERY_COLUMN!r} and 'positives'", _POSITIVES_EXAMPLE)


def _columns(path: Path, header: list[str], positives_column: str, lines: list[tuple[int, list[str]]]) -> _Table:
    for name in (QUERY_COLUMN, positives_column, INFORMATIVE_COLUMN):
        if header.count(name) > 1:
            raise SourceError(f"{path}: {header.count(name)} columns are called {name!r}", "Keep one of them")
    table = _Table([], [], [], positives_column)
    for number, line in lines:
        if any(line[len(header) :]):
            raise SourceError(
                f"{path}, line {number}: {len(line)} cells under {len(header)} column names",
                'Put a cell that holds a separator into quotes, such as "a.jpg,b.jpg", '
                "and separate several positives by spaces or semicolons",
            )
        row = dict(zip(header, line + [""] * len(header), strict=False))
        tells = row.get(INFORMATIVE_COLUMN, "1").lower()
        if tells not in _YES + _NO:
            raise SourceError(f"{path}, line {number}: informative is {tells!r}, expected 1 or 0", "Write 1 or 0")
        # What no table takes stands in the names of frames as an escape; whoever lists them has the names themselves.
        table.queries.append(printable(row[QUERY_COLUMN]))
        table.positives.append(printable(row[positives_column]))
        table.informative.append(tells in _YES)
    return table


def _check_matched(
    path: Path, listed: BoolArray, matched: int, table: _Table, query_names: Sequence[str], map_names: Sequence[str]
) -> None:
    """Nothing in common is a mistake, not a recall of zero."""
    for what, fits, names in (("queries", listed.any(), query_names), ("map frames", matched > 0, map_names)):
        if not fits:
            example = f"{table.queries[0]!r}: {table.positives[0]!r}" if table.queries else "no row"
            raise SourceError(
                f"{path}: none of its {len(table.queries)} rows names one of the {len(names)} {what}"
                f" (first row {example}, first name {names[0] if len(names) else None!r})",
                "Use the names of the files, or their numbers from 0",
            )
