# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The claims of the poster's ablation, what paired runs say of each, and whether training had come to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from vpr_ros.training.paired_runs import Difference, Figures, paired_difference, verdict
from vpr_ros.training.structvpr.miniature import NONE, WEIGHTED
from vpr_ros.training.study.claims import standard_errors
from vpr_ros.training.study.tokens import NOT_SEEN

FLAT_POINTS = 1.0
"""So much may recall@1 change in the last fifth of the steps and training still be called finished."""


@dataclass(frozen=True)
class Claim:
    """The poster says that *better* beats *worse*.

    Attributes:
        text: the claim.
        paper: its difference of recall@1 on MSLS val and on the MSLS challenge.
        better, worse: variants.
    """

    text: str
    paper: str
    better: str
    worse: str


CLAIMS: Final = (
    Claim("distilling all pairs helps", "+2.6, +4.0", "all", NONE),
    Claim("D1 alone helps", "+3.0, +7.2", "D1", NONE),
    Claim("D2 alone helps", "+4.2, +4.0", "D2", NONE),
    Claim("D3 alone helps", "+1.9, +2.7", "D3", NONE),
    Claim("S2 (D4) alone hurts", "-4.2, -6.9", NONE, "D4"),
    Claim("S1 helps", "+5.8, +7.1", "S1", NONE),
    Claim("S1 is better than all pairs", "+3.2, +3.1", "S1", "all"),
    Claim("S1 is better than D1 alone", "+2.8, -0.1", "S1", "D1"),
    Claim("weights make S1 better", "+1.4, -0.5", WEIGHTED, "S1"),
    Claim("S1 weighted helps", "+7.2, +6.6", WEIGHTED, NONE),
)
"""Written down before any result was seen, to be judged by the mean of the columns of towns that are not trained on."""


class Finding(NamedTuple):
    """What the runs say of a claim.

    Attributes:
        claim: the claim.
        difference: better minus worse, in points of recall@1, mean of the columns of unknown towns.
        by_column: the same in each of them.
        verdict: seen, contradicted or not resolved.
    """

    claim: Claim
    difference: Difference
    by_column: dict[str, Difference]
    verdict: str


def findings(seeds: Sequence[dict[str, Any]]) -> list[Finding]:
    """Judge every claim by the cells of all seeds."""
    found = []
    for claim in CLAIMS:
        better, worse = (
            {column: _figures(seeds, variant, column) for column in NOT_SEEN} for variant in (claim.better, claim.worse)
        )
        means = [np.mean(list(figures.values()), axis=0) for figures in (better, worse)]
        difference = paired_difference(means[0], means[1])
        by_column = {column: paired_difference(better[column], worse[column]) for column in NOT_SEEN}
        found.append(Finding(claim, difference, by_column, verdict(difference, standard_errors(*means[0].shape))))
    return found


class Flatness(NamedTuple):
    """Validation recall@1 of the student without a teacher in the last fifth of its steps.

    Attributes:
        steps: when it was measured.
        recall: mean over the seeds.
        gain: last third of these minus first third, paired by seed.
        error: its standard error over the seeds; NaN for one.
    """

    steps: list[int]
    recall: list[float]
    gain: float
    error: float

    @property
    def is_flat(self) -> bool:
        """Whether it changed by no more than a point, or than chance explains."""
        return abs(self.gain) <= max(FLAT_POINTS, 2 * self.error if np.isfinite(self.error) else 0.0)

    def __str__(self) -> str:
        """One line."""
        curve = " ".join(f"{recall:.1f}" for recall in self.recall)
        said = "flat" if self.is_flat else "NOT FLAT: train longer (--steps)"
        return (
            f"student without a teacher, validation recall@1 over the last fifth (steps {self.steps[0]} to "
            f"{self.steps[-1]}): {curve}; gain {self.gain:+.1f} ± {self.error:.1f}: {said}"
        )


def flatness(seeds: Sequence[dict[str, Any]]) -> Flatness:
    """Look at the end of training."""
    curves = [seed[NONE]["validation"] for seed in seeds]
    steps = [int(step) for step in curves[0]]
    recall = np.array([list(curve.values()) for curve in curves])
    third = max(1, len(steps) // 3)
    gain = recall[:, -third:].mean(axis=1) - recall[:, :third].mean(axis=1)
    error = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else float("nan")
    return Flatness(steps, recall.mean(axis=0).tolist(), float(gain.mean()), error)


def _figures(seeds: Sequence[dict[str, Any]], variant: str, column: str) -> Figures:
    """(seeds, towns)."""
    return np.array([seed[variant]["recall"][column] for seed in seeds], dtype=np.float64)
