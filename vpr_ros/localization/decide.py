"""Right or wrong: the evidence of the candidates, weighed by the map's own calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K, match_evidence
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.maps.calibration import Calibration


@dataclass(frozen=True)
class Decision:
    """Whether the best candidate is taken.

    Attributes:
        accepted: whether it is.
        reason: why, one sentence.
        probability: that it is right.
    """

    accepted: bool
    reason: str
    probability: float


def match_probabilities(candidates: Candidates, calibration: Calibration) -> npt.NDArray[np.float64]:
    """(K,) probability that each candidate is right. Those beyond the first 20 are taken at 0."""
    evidence = match_evidence(candidates.similarities, candidates.position_m, calibration.radius_m)
    probabilities = np.zeros(len(candidates))
    probabilities[:EVIDENCE_TOP_K] = calibration.probability(evidence)
    return probabilities


def decide(
    candidates: Candidates, probabilities: npt.NDArray[np.float64], config: LocalizerConfig, calibration: Calibration
) -> Decision:
    """Accept the first candidate, or say in plain words why not."""
    similarity, probability = float(candidates.similarities[0]), float(probabilities[0])
    found = f"similarity {similarity:.2f}, probability {probability:.2f}"
    if similarity < config.min_similarity:
        return Decision(
            False, f"{found}: similarity too low, min_similarity is {config.min_similarity:.2f}", probability
        )
    if probability >= config.min_probability:
        return Decision(True, f"{found}: accepted", probability)
    why = _weakest(candidates, calibration)
    return Decision(False, f"{found}, below {config.min_probability:.2f}: {why}", probability)


def _weakest(candidates: Candidates, calibration: Calibration) -> str:
    """The evidence that speaks most against the first candidate, in words."""
    evidence = match_evidence(candidates.similarities, candidates.position_m, calibration.radius_m)[0]
    support = np.array(calibration.weights) * (evidence - calibration.mean) / calibration.scale
    similarity, log_ratio, concentration = evidence
    return (
        f"too unlike the best place ({similarity:.2f})",
        f"another place looks almost as similar ({np.exp(log_ratio):.2f} times as far)",
        f"the best candidates are scattered ({concentration:.0%} at one place)",
    )[int(np.argmin(support))]
