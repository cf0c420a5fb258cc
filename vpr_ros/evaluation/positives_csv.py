"""Positives given by hand or by another tool: a CSV file with a query column and a positives column."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.evaluation.frame_names import FrameNames
from vpr_ros.evaluation.positives import BoolArray, Positives

QUERY_COLUMN = "query"
INFORMATIVE_COLUMN = "informative"
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


def read_positives(path: Path, map_names: Sequence[str], query_names: Sequence[str]) -> GivenPositives:
    """Read *path* and match it with the names of map frames (N,) and queries (Q,).

    The column ``query`` names the query; the column ``positives`` (or the first one whose name begins so, such as
    ``positives_pm2``; or ``positive``) its correct map frames, separated by spaces or semicolons, or one per row in
    several rows. Names are matched as ``FrameNames`` says. Other columns are ignored.

    Raises:
        SourceError: no such file, a missing column, an ambiguous name, or names that fit nothing at all.
    """
    rows, positives_column = _read_rows(path)
    queries, places = FrameNames(query_names, "the queries"), FrameNames(map_names, "the map")
    lists: list[list[int]] = [[] for _ in query_names]
    listed = np.zeros(len(query_names), dtype=np.bool_)
    informative = np.ones(len(query_names), dtype=np.bool_)
    missing = matched = 0
    for row in rows:
        query = queries.find(row[QUERY_COLUMN])
        if query is None:
            continue
        listed[query] = True
        informative[query] &= row.get(INFORMATIVE_COLUMN, "1") not in ("0", "false", "False")
        found = [places.find(cell) for cell in row[positives_column].replace(";", " ").split()]
        lists[query] += [number for number in found if number is not None]
        missing += found.count(None)
        matched += len(found) - found.count(None)
    _check_matched(path, listed, matched, rows, query_names, map_names)
    rule = f"listed in {path.name}, column {positives_column}"
    return GivenPositives(Positives.from_lists(lists, rule), informative, int((~listed).sum()), missing)


def _read_rows(path: Path) -> tuple[list[dict[str, str]], str]:
    """Return the rows, every cell stripped, and the name of the positives column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [[cell.strip() for cell in line] for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: the positives cannot be read ({error})", _POSITIVES_EXAMPLE) from error
    header = lines[0] if lines else []
    columns = [name for name in header if name.startswith("positive")]
    if QUERY_COLUMN not in header or not columns:
        raise SourceError(f"{path}: columns {header}, expected {QUERY_COLUMN!r} and 'positives'", _POSITIVES_EXAMPLE)
    rows = [dict(zip(header, line + [""] * len(header), strict=False)) for line in lines[1:]]
    return rows, "positives" if "positives" in columns else columns[0]


def _check_matched(
    path: Path,
    listed: BoolArray,
    matched: int,
    rows: Sequence[Mapping[str, str]],
    query_names: Sequence[str],
    map_names: Sequence[str],
) -> None:
    """Nothing in common is a mistake, not a recall of zero."""
    for what, fits, names in (("queries", listed.any(), query_names), ("map frames", matched > 0, map_names)):
        if not fits:
            example = dict(rows[0]) if rows else "no row"
            raise SourceError(
                f"{path}: none of its {len(rows)} rows names one of the {len(names)} {what}"
                f" (first row {example}, first name {names[0] if len(names) else None!r})",
                "Use the names of the files, or their numbers from 0",
            )
