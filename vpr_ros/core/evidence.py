# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a list of retrieved places says about its own truth: map calibration and localization measure it here."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt


class Evidence(NamedTuple):
    """What speaks for one candidate, a row of ``match_evidence``. Larger always speaks for it.

    Attributes:
        similarity: its cosine.
        distance_log_ratio: how many times farther the nearest descriptor of another place is, as a logarithm.
        concentration: share of the candidates at the same place.
    """

    similarity: float
    distance_log_ratio: float
    concentration: float


class GeometricEvidence(NamedTuple):
    """What keypoints say for one candidate that was compared with the image. Larger always speaks for it.

    Attributes:
        log_inliers: log(1 + how many keypoints one rigid scene explains).
        share: of the keypoints that look alike, those that are inliers, 0..1.
        coverage: share of the image that the inliers cover, 0..1.
        precision: how surely the geometric pose is determined, log10 of the distance to its points over its predicted
            deviation; 0 where a pose was sought and none found, NaN where none could be sought.
    """

    log_inliers: float
    share: float
    coverage: float
    precision: float


EVIDENCE_NAMES: Final = Evidence._fields
GEOMETRIC_EVIDENCE_NAMES: Final = GeometricEvidence._fields
EVIDENCE_TOP_K: Final = 20
"""How many of the most similar candidates are looked at; the same number at calibration and on the robot."""
MIN_UNLIKENESS: Final = 1e-3
NEXT_BEST: Final = 10
SMALLEST_DROP: Final = 1e-4
"""Of similarities that are as good as one; images that are the same are so."""


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
        (min(K, 20), 3), each row an ``Evidence``. Where all candidates are one place the farthest of them stands for
        another. The ratio, unlike a difference, says little about light which moves every descriptor away (Lowe,
        "Distinctive image features", IJCV 2004, section 7.1).
    """
    similarity = np.asarray(similarities[:EVIDENCE_TOP_K], dtype=np.float64)
    position_m = position_m[:EVIDENCE_TOP_K]
    if not len(similarity):
        return np.empty((0, len(EVIDENCE_NAMES)))
    offset_m = np.linalg.norm(position_m[:, None] - position_m[None], axis=-1)
    same_place = offset_m <= radius_m
    elsewhere = np.where(same_place, -np.inf, similarity[None]).max(axis=1)
    elsewhere = np.where(np.isfinite(elsewhere), elsewhere, similarity.min())
    log_ratio = 0.5 * np.log(_unlikeness(elsewhere) / _unlikeness(similarity))
    return np.stack([similarity, log_ratio, same_place.mean(axis=1)], axis=1)


def log_drop(similarities: npt.NDArray[np.float32] | npt.NDArray[np.float64]) -> float:
    """How far the similarity falls from the best candidate to the mean of the next ten, as a logarithm.

    On the mapped track it falls steeply, for the next frames lie behind and ahead; from beside it all frames look as
    little alike. Another light lowers all similarities, and less the difference of two.

    Args:
        similarities: (K,) cosines of the candidates in any order; one or more. A single one falls to 0.
    """
    best, *others = np.sort(np.asarray(similarities, dtype=np.float64))[::-1][: NEXT_BEST + 1].tolist()
    return float(np.log(max(best - (sum(others) / len(others) if others else 0.0), SMALLEST_DROP)))


def _unlikeness(similarity: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Half the squared distance of unit descriptors, kept off the zero of an image that is in the map."""
    return np.maximum(1.0 - similarity, MIN_UNLIKENESS)
