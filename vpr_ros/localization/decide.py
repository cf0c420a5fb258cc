"""Right or wrong: the evidence of the candidates, weighed by the map's own calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_NAMES, Evidence
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.rejection import Dissimilar, Improbable, Rejection
from vpr_ros.maps.calibration import Calibration


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
    probability: float, evidence: Evidence, config: LocalizerConfig, calibration: Calibration
) -> Rejection | None:
    """Accept the best candidate, with None, or say why not.

    Args:
        probability: that it is right, by the map and, where there is one, the filter.
        evidence: of this candidate.
        config: the thresholds.
        calibration: of the map, to tell which evidence speaks most against the candidate.
    """
    if evidence.similarity < config.min_similarity:
        return Dissimilar(evidence.similarity, config.min_similarity, probability)
    if probability >= config.min_probability:
        return None
    support = np.array(calibration.weights) * (np.array(evidence) - calibration.mean) / calibration.scale
    return Improbable(probability, config.min_probability, evidence, EVIDENCE_NAMES[int(np.argmin(support))])
