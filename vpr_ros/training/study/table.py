"""A study's cells as one table: a row per aggregation, mean and deviation over the seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vpr_ros.core import disk
from vpr_ros.core.errors import TrainingError
from vpr_ros.training.csv_table import write_rows
from vpr_ros.training.study.cell import AGGREGATIONS, Cell
from vpr_ros.training.study.run import StudyResult


@dataclass(frozen=True)
class Row:
    """One aggregation.

    Attributes:
        aggregation, descriptor_dim, trainable: see ``Cell``.
        mean, deviation: task -> recall@1 in percent over the seeds; the deviation is that of the sample, NaN for one.
    """

    aggregation: str
    descriptor_dim: int
    trainable: int
    mean: dict[str, float]
    deviation: dict[str, float]

    def shown(self, task: str) -> str:
        """One figure for people."""
        mean, deviation = self.mean[task], self.deviation[task]
        return f"{mean:.1f}" if np.isnan(deviation) else f"{mean:.1f} ± {deviation:.1f}"


def table_rows(cells: Sequence[Cell]) -> list[Row]:
    """The rows, in the order of ``AGGREGATIONS``."""
    return [_row([cell for cell in cells if cell.aggregation == name]) for name in AGGREGATIONS]


def write_tables(result: StudyResult, output: Path) -> None:
    """Write ``comparison.json``, ``comparison.csv`` and ``comparison.md`` to the folder *output*.

    Raises:
        TrainingError: the disk refuses.
    """
    report = {"settings": result.settings, "cells": [asdict(cell) for cell in result.cells]}
    disk.write_text(output / "comparison.json", json.dumps(report, indent=2), TrainingError)
    rows = table_rows(result.cells)
    tasks = list(rows[0].mean)
    titles = ["aggregation", "dimension", "trainable"]
    write_rows(
        output / "comparison.csv",
        [*titles, *(f"{task} {statistic}" for task in tasks for statistic in ("mean", "sd"))],
        ([*_fixed(row), *(f"{f:.2f}" for t in tasks for f in (row.mean[t], row.deviation[t]))] for row in rows),
    )
    cells = [[*titles, *tasks], ["---"] * (3 + len(tasks))]
    cells += [[*_fixed(row), *map(row.shown, tasks)] for row in rows]
    lines = "".join(f"| {' | '.join(line)} |\n" for line in cells)
    disk.write_text(output / "comparison.md", lines, TrainingError)


def _row(cells: Sequence[Cell]) -> Row:
    recalls = {task: [cell.recall_at_1[task] for cell in cells] for task in cells[0].recall_at_1}
    return Row(
        cells[0].aggregation,
        cells[0].descriptor_dim,
        cells[0].trainable,
        {task: float(np.mean(found)) for task, found in recalls.items()},
        {task: float(np.std(found, ddof=1)) if len(found) > 1 else np.nan for task, found in recalls.items()},
    )


def _fixed(row: Row) -> list[str]:
    return [row.aggregation, str(row.descriptor_dim), str(row.trainable)]
