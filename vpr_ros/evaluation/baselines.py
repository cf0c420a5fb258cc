# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Two baselines every model must beat: chance, and 32x32 grey pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.special import gammaln

from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import PILLOW_FILTERS
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.recall import RECALL_RANKS, Recall

PIXEL_SIDE = 32


def chance_recall(map_size: int, positives: Positives, ranks: Sequence[int] = RECALL_RANKS) -> Recall:
    """Expected recall of a random ranking of the map (exact, so no seed decides it).

    With P of N map frames correct, a random list of n holds none of them with probability C(N-P, n) / C(N, n).
    """
    counts = np.array([row.size for row in positives.indices], dtype=np.float64)
    answerable = int(positives.answerable.sum())
    found = {n: float(np.sum(1.0 - _miss_probability(map_size, counts, min(n, map_size)))) for n in ranks}
    return Recall(
        at={n: 100.0 * total / len(counts) for n, total in found.items()},
        at_answerable={n: 100.0 * total / answerable if answerable else float("nan") for n, total in found.items()},
        queries=len(counts),
        queries_without_answer=len(counts) - answerable,
    )


def pixel_descriptor(image_rgb: ImageRgb) -> npt.NDArray[np.float32]:
    """(H, W, 3) uint8 -> (1024,) float32: 32x32 grey means, zero mean, unit length (zeros for a flat image)."""
    grey = Image.fromarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY))
    small = np.asarray(grey.resize((PIXEL_SIDE, PIXEL_SIDE), PILLOW_FILTERS.BOX), dtype=np.float32).ravel()
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)


def _miss_probability(map_size: int, counts: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
    """C(N-P, n) / C(N, n) through log-gamma, 0 where n frames cannot all be wrong."""
    wrong = map_size - counts
    possible = wrong >= n
    rest = np.where(possible, wrong, n)
    log_ratio = gammaln(rest + 1) - gammaln(rest - n + 1) - gammaln(map_size + 1) + gammaln(map_size - n + 1)
    return np.where(possible, np.exp(log_ratio), 0.0)
