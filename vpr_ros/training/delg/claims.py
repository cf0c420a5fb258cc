# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The claims of the DELG paper, and what paired runs say of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from vpr_ros.training.delg.miniature import AUTOENCODER, LINEAR, WIDE
from vpr_ros.training.delg.miniature_evaluation import GLOBAL, PCA, SIGNS
from vpr_ros.training.paired_runs import Figures, paired_difference, verdict

ERRORS = 2.0
"""A difference of at least so many standard errors is taken for one."""


class Way(NamedTuple):
    """A variant, and how it describes."""

    variant: str
    described: str


@dataclass(frozen=True)
class Claim:
    """The paper says that *better* beats *worse*, or that it costs at most *within* points to take *worse*.

    Attributes:
        text: the claim.
        paper: its own figure.
        better, worse: what is compared.
        within: points, for a claim that two are about equal; None for a gain.
    """

    text: str
    paper: str
    better: Way
    worse: Way
    within: float | None = None


_FULL, _LOCAL = Way("published", GLOBAL), Way("published", AUTOENCODER)
CLAIMS: Final = (
    Claim("stop-gradient keeps the global descriptor", "5.7", _FULL, Way("gradients reach the trunk", GLOBAL)),
    Claim("ArcFace beats softmax", "up to 14", _FULL, Way("softmax", GLOBAL)),
    Claim("GeM beats the mean", "up to 9.5", _FULL, Way("mean pooling", GLOBAL)),
    Claim("re-ranking helps", "up to 9.0", _LOCAL, _FULL),
    Claim("autoencoder beats PCA", "", _LOCAL, Way("published", PCA)),
    Claim("autoencoder beats linear", "", _LOCAL, Way("published", LINEAR)),
    Claim("signs cost next to nothing", "0.4", Way("published", WIDE), Way("published", SIGNS), within=1.0),
)


@dataclass(frozen=True)
class Finding:
    """What the runs say of a claim.

    Attributes:
        claim: the claim.
        difference: better minus worse, points of mAP.
        error: its standard error over seeds and queries; NaN with a single seed.
        verdict: seen, contradicted or not resolved.
    """

    claim: Claim
    difference: float
    error: float
    verdict: str


def judge(claim: Claim, better: Figures, worse: Figures) -> Finding:
    """Compare AP of the same queries under the same seeds, both (seeds, queries).

    The error is that of two sources, other seeds and other queries: see ``paired_difference``.
    """
    difference = paired_difference(better, worse)
    return Finding(claim, *difference, verdict(difference, ERRORS, claim.within))


def findings(cells: Sequence[Mapping[Way, Figures]]) -> list[Finding]:
    """Judge every claim; *cells* are the seeds, each with the AP of all queries by each way."""
    return [
        judge(claim, *(np.stack([cell[way] for cell in cells]) for way in (claim.better, claim.worse)))
        for claim in CLAIMS
    ]
