# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the ablation found, as tables: a row per claim, a row per variant, and the shares of the groups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vpr_ros.core import disk
from vpr_ros.core.errors import TrainingError
from vpr_ros.training.paired_runs import Difference
from vpr_ros.training.structvpr.claims import Finding, findings, flatness
from vpr_ros.training.structvpr.partition import DISJOINT, GROUPS
from vpr_ros.training.structvpr.study import STUDENT, StudyResult
from vpr_ros.training.study.claims import rule
from vpr_ros.training.study.tokens import NOT_SEEN, OTHER_TOWN, SAME_TOWN

CLAIM_TITLES = ("claim", "poster: val, challenge", "difference", "verdict", *NOT_SEEN)
COLUMNS = (SAME_TOWN, *NOT_SEEN)


def claim_row(finding: Finding) -> list[str]:
    """What ``CLAIM_TITLES`` says."""
    columns = [_difference(finding.by_column[column]) for column in NOT_SEEN]
    return [finding.claim.text, finding.claim.paper, _difference(finding.difference), finding.verdict, *columns]


def variant_rows(result: StudyResult) -> list[list[str]]:
    """Variant and its recall@1 by column: mean over towns and seeds, deviation of the seeds."""
    rows = []
    for variant in result.seeds[0]:
        means = [[float(np.mean(seed[variant]["recall"][column])) for seed in result.seeds] for column in COLUMNS]
        rows.append([variant, *map(_spread, means)])
    return rows


def shares(result: StudyResult) -> str:
    """One line about the groups."""
    found = {group: 100 * np.mean([seed[STUDENT]["shares"][group] for seed in result.seeds]) for group in GROUPS}
    said = ", ".join(f"{group} {found[group]:.1f} %" for group in (*DISJOINT, "S1", "R1"))
    least = {group: min(seed[STUDENT]["shares"][group] for seed in result.seeds) for group in DISJOINT}
    empty = [group for group, share in least.items() if share == 0]
    warned = f"; EMPTY in some seed: {', '.join(empty)}, its variant is that without a teacher" if empty else ""
    return f"training pairs: {said} (threshold {result.settings['training']['threshold']}){warned}"


def rule_of(result: StudyResult) -> str:
    """Say how the verdicts came about."""
    return rule(len(result.seeds), len(result.seeds[0][STUDENT]["recall"][OTHER_TOWN]))


def write_tables(result: StudyResult, output: Path) -> None:
    """Write ``comparison.json`` and ``comparison.md`` to the folder *output*.

    Raises:
        TrainingError: the disk refuses.
    """
    found, end = findings(result.seeds), flatness(result.seeds)
    report: dict[str, Any] = {
        **asdict(result),
        "rule": rule_of(result),
        "flatness": {**end._asdict(), "flat": end.is_flat},
        "findings": [{**asdict(f.claim), "difference": f.difference, "verdict": f.verdict} for f in found],
    }
    disk.write_text(output / "comparison.json", json.dumps(report, indent=2), TrainingError)
    claims = _markdown([CLAIM_TITLES, *map(claim_row, found)])
    variants = _markdown([["distilled", *COLUMNS], *variant_rows(result)])
    text = f"{rule_of(result)}\n\n{end}\n\n{shares(result)}\n\n{claims}\n{variants}"
    disk.write_text(output / "comparison.md", text, TrainingError)


def _difference(difference: Difference) -> str:
    return f"{difference.mean:+.1f} ± {difference.error:.1f}"


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def _markdown(table: Sequence[Sequence[str]]) -> str:
    lines = [table[0], ["---"] * len(table[0]), *table[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
