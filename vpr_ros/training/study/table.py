# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A study as two tables: what its pairs say of each claim, and a row per aggregation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vpr_ros.core import disk
from vpr_ros.core.errors import TrainingError
from vpr_ros.training.csv_table import write_rows
from vpr_ros.training.paired_runs import Difference
from vpr_ros.training.study.cell import AGGREGATIONS, Cell
from vpr_ros.training.study.claims import Finding, findings, rule
from vpr_ros.training.study.run import StudyResult
from vpr_ros.training.study.tokens import NOT_SEEN, OTHER_TOWN

CLAIM_TITLES = ("claim", "paper", "difference", "verdict", *NOT_SEEN)


@dataclass(frozen=True)
class Row:
    """One aggregation.

    Attributes:
        aggregation, descriptor_dim, trainable: see ``Cell``.
        mean, deviation: column -> recall@1 in percent, the mean over its towns: mean and sample deviation of that over
            the seeds; the deviation is NaN for one.
    """

    aggregation: str
    descriptor_dim: int
    trainable: int
    mean: dict[str, float]
    deviation: dict[str, float]

    def shown(self, column: str) -> str:
        """One figure for people."""
        mean, deviation = self.mean[column], self.deviation[column]
        return f"{mean:.1f}" if np.isnan(deviation) else f"{mean:.1f} ± {deviation:.1f}"


def table_rows(cells: Sequence[Cell]) -> list[Row]:
    """The rows, in the order of ``AGGREGATIONS``."""
    return [_row([cell for cell in cells if cell.aggregation == name]) for name in AGGREGATIONS]


def claim_row(finding: Finding) -> list[str]:
    """What ``CLAIM_TITLES`` says."""
    columns = [_difference(finding.by_column[column]) for column in NOT_SEEN]
    return [finding.claim.text, finding.claim.paper, _difference(finding.difference), finding.verdict, *columns]


def rule_of(cells: Sequence[Cell]) -> str:
    """Say how the verdicts on these cells came about."""
    return rule(len({cell.seed for cell in cells}), len(cells[0].recall_at_1[OTHER_TOWN]))


def write_tables(result: StudyResult, output: Path) -> None:
    """Write ``comparison.json``, ``comparison.csv`` and ``comparison.md`` to the folder *output*.

    Raises:
        TrainingError: the disk refuses.
    """
    found = findings(result.cells)
    report = {
        "settings": result.settings,
        "rule": rule_of(result.cells),
        "findings": [_as_json(finding) for finding in found],
        "cells": [asdict(cell) for cell in result.cells],
    }
    disk.write_text(output / "comparison.json", json.dumps(report, indent=2), TrainingError)
    rows = table_rows(result.cells)
    columns = list(rows[0].mean)
    titles = ["aggregation", "dimension", "trainable"]
    write_rows(
        output / "comparison.csv",
        [*titles, *(f"{column} {statistic}" for column in columns for statistic in ("mean", "sd"))],
        ([*_fixed(row), *(f"{f:.2f}" for c in columns for f in (row.mean[c], row.deviation[c]))] for row in rows),
    )
    figures = _markdown([*titles, *columns], [[*_fixed(row), *map(row.shown, columns)] for row in rows])
    claims = _markdown(CLAIM_TITLES, list(map(claim_row, found)))
    disk.write_text(output / "comparison.md", f"{rule_of(result.cells)}\n\n{claims}\n{figures}", TrainingError)


def _row(cells: Sequence[Cell]) -> Row:
    recalls = {column: [float(np.mean(cell.recall_at_1[column])) for cell in cells] for column in cells[0].recall_at_1}
    return Row(
        cells[0].aggregation,
        cells[0].descriptor_dim,
        cells[0].trainable,
        {column: float(np.mean(found)) for column, found in recalls.items()},
        {column: float(np.std(found, ddof=1)) if len(found) > 1 else np.nan for column, found in recalls.items()},
    )


def _fixed(row: Row) -> list[str]:
    return [row.aggregation, str(row.descriptor_dim), str(row.trainable)]


def _difference(difference: Difference) -> str:
    return f"{difference.mean:+.1f} ± {difference.error:.1f}"


def _as_json(finding: Finding) -> dict[str, object]:
    """An error that is unknown is null."""
    return {
        **asdict(finding.claim),
        "difference": _numbers(finding.difference),
        "by_column": {column: _numbers(difference) for column, difference in finding.by_column.items()},
        "verdict": finding.verdict,
    }


def _numbers(difference: Difference) -> dict[str, float | None]:
    return {"mean": difference.mean, "error": None if np.isnan(difference.error) else difference.error}


def _markdown(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (titles, ["---"] * len(titles), *lines))
