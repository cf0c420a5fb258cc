"""CSV files as columns, with an error that names what is missing, and tables written whole."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import TrainingError


def read_columns(path: Path, columns: Sequence[str]) -> dict[str, list[str]]:
    """Return the asked columns of a CSV file with a header line.

    Raises:
        TrainingError: no such file, a missing column, or a row that is too short.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            missing = [name for name in columns if name not in header]
            if missing:
                raise TrainingError(
                    f"{path} has no column {', '.join(missing)}; found {', '.join(header) or 'an empty file'}",
                    "Restore the file as the data set's authors publish it",
                )
            picks = [header.index(name) for name in columns]
            body = [row for row in rows if row]
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be read ({error.strerror})", "Check the root of the data set and how it was unpacked"
        ) from error
    short = next((n for n, row in enumerate(body) if len(row) <= max(picks, default=-1)), None)
    if short is not None:
        raise TrainingError(
            f"{path}: data row {short + 1} has {len(body[short])} cells, expected {len(header)}",
            "Restore the file as the data set's authors publish it",
        )
    return {name: [row[pick] for row in body] for name, pick in zip(columns, picks, strict=True)}


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table whole or not at all.

    Raises:
        TrainingError: the disk refuses.
    """
    with new_file(path, TrainingError) as part, part.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


def as_numbers(cells: Sequence[str], path: Path, column: str) -> npt.NDArray[np.float64]:
    """Parse a column to (N,) float64.

    Raises:
        TrainingError: a cell that is no finite number, with its row.
    """
    wrong = next((row for row, cell in enumerate(cells) if not _is_number(cell)), None)
    if wrong is not None:
        raise TrainingError(
            f"{path}: column {column}, data row {wrong + 1} holds {cells[wrong]!r}, expected a number",
            "Restore the file as the data set's authors publish it",
        )
    return np.array([float(cell) for cell in cells])


def as_flags(cells: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Parse a column of True and False (or 1 and 0) to (N,) bool."""
    return np.array([cell.strip().lower() in ("true", "1", "1.0") for cell in cells], dtype=np.bool_)


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False
