"""What a list of retrieved places says about its own truth: map calibration and localization measure it here."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

EVIDENCE_NAMES: Final = ("similarity", "gap", "concentration")
EVIDENCE_TOP_K: Final = 20
"""How many of the most similar candidates are looked at; the same number at calibration and on the robot."""


def match_evidence(
    similarities: npt.NDArray[np.float32] | npt.NDArray[np.float64],
    position_m: npt.NDArray[np.float64],
    radius_m: float,
) -> npt.NDArray[np.float64]:
    """Measure the evidence for each of the first candidates. Larger always speaks for the candidate.

    Args:
        similarities: (K,) cosine, best first.
        position_m: (K, 3) places of the candidates.
        radius_m: two candidates nearer than this are the same place.

    Returns:
        (min(K, 20), 3) with the columns of ``EVIDENCE_NAMES``: its cosine; that minus the best cosine of another
        place (of the least similar candidate where all are one place); share of the candidates at the same place.
    """
    similarity = np.asarray(similarities[:EVIDENCE_TOP_K], dtype=np.float64)
    position_m = position_m[:EVIDENCE_TOP_K]
    if not len(similarity):
        return np.empty((0, len(EVIDENCE_NAMES)))
    offset_m = np.linalg.norm(position_m[:, None] - position_m[None], axis=-1)
    same_place = offset_m <= radius_m
    elsewhere = np.where(same_place, -np.inf, similarity[None]).max(axis=1)
    elsewhere = np.where(np.isfinite(elsewhere), elsewhere, similarity.min())
    return np.stack([similarity, similarity - elsewhere, same_place.mean(axis=1)], axis=1)
