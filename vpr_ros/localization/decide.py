# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Right or wrong: the evidence of the candidates, weighed by the map's own calibration.

The robot and a map that calibrates itself ask here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_NAMES, Evidence, match_evidence
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.rejection import INLIERS, Dissimilar, Improbable, Rejection, Unproved
from vpr_ros.localization.verify import Verification
from vpr_ros.maps.calibration import Calibration
from vpr_ros.maps.geometry_calibration import GeometryCalibration
from vpr_ros.maps.promise import Vouched

EVEN: Final = 0.5


class Keypoints(NamedTuple):
    """What keypoints say of the best candidate: how many agree, and the probability that it shows the same scene."""

    inliers: int
    same_scene: float


class Proof(NamedTuple):
    """How well the answer is proved, and how well it has to be: inliers, what they are worth, the promise in force.

    What is not *posed* by its keypoints has to be likelier right than wrong as well: a whole town of facades made alike
    gives a stranger more inliers than the map's own wrong places have.

    Where the images before and the motion since them speak for the answer, *by_sequence*, its probability may prove
    it too: what is left of it must be no more than the promise allows.
    """

    inliers: int
    worth: float
    vouched: Vouched
    posed: bool = False
    by_sequence: bool = False

    def suffices(self, probability: float) -> bool:
        """Whether the promise is kept."""
        return self.worth >= self.vouched.least_proof or (self.by_sequence and 1.0 - probability <= self.vouched.rate)


def least_probability(config: LocalizerConfig, *, promised: bool, posed: bool) -> float:
    """What the probability of an answer has to be, beside its proof where a promise is in force."""
    if not promised or config.also_asks_probability:
        return config.min_probability
    return 0.0 if posed else EVEN


@dataclass(frozen=True, eq=False)
class Weighed:
    """What speaks for the candidates, each image by itself.

    Attributes:
        best: evidence of the first one, by similarity.
        alone: (K,) probability of each by similarity.
        probabilities: (K,) by similarity and keypoints.
        keypoints: see ``decide``.
    """

    best: Evidence
    alone: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]
    keypoints: Keypoints | None = None


def weighed(verification: Verification, calibration: Calibration, geometry: GeometryCalibration | None) -> Weighed:
    """Weigh the evidence for the candidates.

    Args:
        verification: of one candidate at least.
        calibration: of the map.
        geometry: what the map knows of keypoints, None: nothing.
    """
    candidates = verification.candidates
    evidence = match_evidence(candidates.similarities, candidates.position_m, calibration.radius_m)
    alone = match_probabilities(evidence, len(candidates), calibration)
    alone = verification.probabilities(alone, calibration.radius_m)
    best, looked_at = Evidence(*evidence[0].tolist()), verification.geometry[0]
    if geometry is None:
        return Weighed(best, alone, alone)
    rows = verification.evidence
    keypoints = None
    if looked_at is not None and looked_at.tells:
        keypoints = Keypoints(looked_at.inliers, float(geometry.same_scene(rows)[0]))
    return Weighed(best, alone, geometry.probability(alone, rows), keypoints)


def match_probabilities(
    evidence: npt.NDArray[np.float64], candidates: int, calibration: Calibration
) -> npt.NDArray[np.float64]:
    """Probability of each candidate being right.

    Args:
        evidence: (E, 3) of the first candidates, see ``match_evidence``.
        candidates: K, how many there are; those that were not looked at are taken at 0.
        calibration: of the map.

    Returns:
        (K,) probabilities.
    """
    probabilities = np.zeros(candidates)
    probabilities[: len(evidence)] = calibration.probability(evidence)
    return probabilities


def decide(
    probability: float,
    evidence: Evidence,
    config: LocalizerConfig,
    calibration: Calibration,
    keypoints: Keypoints | None = None,
    proof: Proof | None = None,
) -> Rejection | None:
    """Accept the best candidate, with None, or say why not.

    Where a promise is in force the proof decides; see ``least_probability`` for what is asked beside it.

    Args:
        probability: that it is right, by the map and, where there is one, the filter.
        evidence: of this candidate.
        config: the thresholds.
        calibration: of the map, to tell which evidence speaks most against the candidate.
        keypoints: what they say of it; None where nobody looked, or the map does not know what that means.
        proof: what is held against the promise in force; None where there is none.
    """
    if evidence.similarity < config.min_similarity:
        return Dissimilar(evidence.similarity, config.min_similarity, probability)
    if proof is not None and not proof.suffices(probability):
        return Unproved(evidence.similarity, probability, proof.inliers, proof.worth, proof.vouched)
    least = least_probability(config, promised=proof is not None, posed=proof is not None and proof.posed)
    if probability >= least:
        return None
    if keypoints is not None and keypoints.same_scene < EVEN:
        return Improbable(probability, least, evidence, INLIERS, keypoints.inliers)
    support = np.array(calibration.weights) * (np.array(evidence) - calibration.mean) / calibration.scale
    return Improbable(probability, least, evidence, EVIDENCE_NAMES[int(np.argmin(support))])
