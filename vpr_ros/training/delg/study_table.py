# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the miniature found, as tables: a row per claim, a row per way of describing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vpr_ros.core import disk
from vpr_ros.core.errors import TrainingError
from vpr_ros.training.delg.claims import Finding, Way, findings
from vpr_ros.training.delg.miniature_evaluation import by_query
from vpr_ros.training.delg.study import DelgStudyResult


def study_findings(result: DelgStudyResult) -> list[Finding]:
    """Judge every claim of the paper."""
    return findings(
        [
            {
                Way(variant, described): by_query(precisions)
                for variant, figures in seed.items()
                for described, precisions in figures["ap"].items()
            }
            for seed in result.seeds
        ]
    )


def claim_row(finding: Finding) -> list[str]:
    """Claim, the paper's figure, ours with its standard error, the verdict."""
    shown = f"{finding.difference:+.1f} ± {finding.error:.1f}"
    return [finding.claim.text, finding.claim.paper or "-", shown, finding.verdict]


def write_tables(result: DelgStudyResult, output: Path) -> None:
    """Write ``comparison.json`` and ``comparison.md`` to the folder *output*.

    Raises:
        TrainingError: the disk refuses.
    """
    found = study_findings(result)
    report = {**asdict(result), "findings": [asdict(finding) for finding in found]}
    disk.write_text(output / "comparison.json", json.dumps(report, indent=2), TrainingError)
    tasks = list(next(iter(result.seeds[0]["published"]["ap"].values())))
    claims = [["claim", "paper", "difference", "verdict"], ["---"] * 4, *map(claim_row, found)]
    rows = [
        ["variant", "described by", *tasks, "zeros inside", "zeros last"],
        ["---"] * (4 + len(tasks)),
        *_rows(result, tasks),
    ]
    text = "\n".join(_markdown(table) for table in (claims, rows))
    disk.write_text(output / "comparison.md", text, TrainingError)


def _rows(result: DelgStudyResult, tasks: Sequence[str]) -> Iterator[list[str]]:
    for variant, figures in result.seeds[0].items():
        of_seeds: list[Any] = [seed[variant] for seed in result.seeds]
        zeros = [f"{100 * np.mean([of['sparsity'][stage] for of in of_seeds]):.0f} %" for stage in (0, 1)]
        for described in figures["ap"]:
            means = [[float(np.nanmean(of["ap"][described][task])) for of in of_seeds] for task in tasks]
            yield [variant, described, *map(_spread, means), *zeros]


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def _markdown(table: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in table)
