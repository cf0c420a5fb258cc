# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The claims of the papers that a miniature can speak of, and what its paired runs say of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from scipy.special import stdtrit

from vpr_ros.training.paired_runs import Difference, Figures, paired_difference, verdict
from vpr_ros.training.study.cell import Cell
from vpr_ros.training.study.tokens import NIGHT, NOT_SEEN, OTHER_TOWN, SEASON

CONFIDENCE = 0.95
_ALL: Final[Mapping[str, float]] = dict.fromkeys(NOT_SEEN, 1 / 3)
_CHANGE: Final[Mapping[str, float]] = {OTHER_TOWN: -1.0, NIGHT: 0.5, SEASON: 0.5}


@dataclass(frozen=True)
class Claim:
    """The papers say that *better* beats *worse*, or that it costs at most *within* points to take *worse*.

    Attributes:
        text: the claim.
        paper: its own figure, points of recall@1.
        better, worse: rows.
        within: points, for a claim that two are about equal; None for a gain.
        columns: what it is judged by: how much the difference in each column counts.
    """

    text: str
    paper: str
    better: str
    worse: str
    within: float | None = None
    columns: Mapping[str, float] = field(default_factory=lambda: _ALL)


_ONE, _FOUR = "1-cluster VLAD, 2 ghosts", "SuperVLAD K=4, 1 ghost"
CLAIMS: Final = (
    Claim("a ghost cluster helps", "+1.9 (CCT), unclear (DINOv2)", _FOUR, "SuperVLAD K=4, no ghost"),
    Claim("SuperVLAD beats NetVLAD, K=4", "+6.8 and 0.0 (CCT)", _FOUR, "NetVLAD K=4"),
    Claim("... by more where the domain changes", "+6.8 (CCT)", _FOUR, "NetVLAD K=4", columns=_CHANGE),
    Claim("SuperVLAD beats NetVLAD, K=2", "+8.5", "SuperVLAD K=2, 1 ghost", "NetVLAD K=2"),
    Claim("NetVLAD beats SuperVLAD, K=64", "+2.1 (VGG16)", "NetVLAD K=64", "SuperVLAD K=64, 1 ghost"),
    Claim("1-cluster VLAD beats GeM", "+5.0", _ONE, "GeM"),
    Claim("1 cluster costs at most 2 points against 4", "-", _FOUR, _ONE, within=2.0),
    Claim("SuperVLAD: 4 clusters beat 2", "-", _FOUR, "SuperVLAD K=2, 1 ghost"),
    Claim("NetVLAD: 64 clusters beat 4", "-", "NetVLAD K=64", "NetVLAD K=4"),
    Claim("NetVLAD, K=64, beats GeM", "-", "NetVLAD K=64", "GeM"),
)
"""Chosen before any result of this study was seen, with the columns that each is judged by."""


class Finding(NamedTuple):
    """What the runs say of a claim.

    Attributes:
        claim: the claim.
        difference: better minus worse, in points of recall@1, as the claim weighs its columns.
        by_column: the same in each column alone, for who wants to look closer; nothing is concluded from these.
        verdict: seen, contradicted or not resolved.
    """

    claim: Claim
    difference: Difference
    by_column: dict[str, Difference]
    verdict: str


def standard_errors(seeds: int, towns: int) -> float:
    """How many standard errors a difference must have to be taken for one: Student's t at 95 percent, two-sided.

    The degrees of freedom are those of the scarcer source of chance, one less than seeds or towns; infinite for one.
    """
    degrees = min(seeds, towns) - 1
    return float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) if degrees > 0 else float("inf")


def rule(seeds: int, towns: int) -> str:
    """Say how verdicts come about."""
    error = (
        "Differences are paired by seed and test town. Their standard error is that of other seeds and other towns, "
        "var(mean of each seed) / seeds + var(mean of each town) / towns: drives through one town are not independent"
    )
    if min(seeds, towns) < 2:
        return f"{error}: with {seeds} of seeds and {towns} of towns nothing is resolved."
    return (
        f"{error}. Seen or contradicted takes {standard_errors(seeds, towns):.2f} standard errors: Student's t at "
        f"{CONFIDENCE:.0%} for {seeds} seeds and {towns} towns, one degree of freedom less than the fewer of the two. "
        "Of twenty claims that nothing is behind at most one is expected to pass by chance."
    )


def findings(cells: Sequence[Cell]) -> list[Finding]:
    """Judge every claim."""
    recall = {name: _recall([cell for cell in cells if cell.aggregation == name]) for name in _rows()}
    return [_judge(claim, recall[claim.better], recall[claim.worse]) for claim in CLAIMS]


def _rows() -> list[str]:
    return list(dict.fromkeys(row for claim in CLAIMS for row in (claim.better, claim.worse)))


def _recall(cells: Sequence[Cell]) -> dict[str, Figures]:
    """Column -> (seeds, towns), seeds in the same order for every row."""
    in_order = sorted(cells, key=lambda cell: cell.seed)
    return {column: np.array([cell.recall_at_1[column] for cell in in_order]) for column in NOT_SEEN}


def _judge(claim: Claim, better: Mapping[str, Figures], worse: Mapping[str, Figures]) -> Finding:
    weighed = [
        np.sum([weight * recall[column] for column, weight in claim.columns.items()], axis=0)
        for recall in (better, worse)
    ]
    difference = paired_difference(weighed[0], weighed[1])
    by_column = {column: paired_difference(better[column], worse[column]) for column in NOT_SEEN}
    return Finding(claim, difference, by_column, verdict(difference, standard_errors(*weighed[0].shape), claim.within))
