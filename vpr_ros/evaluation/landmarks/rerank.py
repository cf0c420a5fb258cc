# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DELG's re-ranking: candidates of the global search are checked by their local features (docs/methods.md 7.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.evaluation.landmarks.affine_ransac import SAMPLE, affine_inliers

FloatArray = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LocalFeatures:
    """Local features of one image.

    Attributes:
        points_yx_px: (N, 2) float32, pixels of the image as it was given.
        descriptors: (N, C) float32 of unit length, or (N, C / 8) uint8: signs, packed (DELG*).
        scores: (N,) float32, downwards.
    """

    points_yx_px: FloatArray
    descriptors: npt.NDArray[np.float32] | npt.NDArray[np.uint8]
    scores: FloatArray

    @property
    def binary(self) -> bool:
        """Whether descriptors are signs."""
        return self.descriptors.dtype == np.uint8

    def binarised(self) -> LocalFeatures:
        """Keep the signs: 1 bit for each channel above zero, 16 bytes for 128 channels."""
        return LocalFeatures(self.points_yx_px, np.packbits(self.descriptors > 0, axis=1), self.scores)


@dataclass(frozen=True)
class Verification:
    """How two images are compared.

    Attributes:
        distance: pairs are nearer than this, L2 of unit descriptors.
        differing_share: the same for signs: pairs differ in less than this share of the bits. A third is 60 degrees,
            which is a distance of 1 (docs/methods.md 7.6).
        threshold_px, trials, seed: see ``affine_inliers``.
    """

    distance: float = 1.0
    differing_share: float = 1.0 / 3.0
    threshold_px: float = 20.0
    trials: int = 1000
    seed: int = 0

    def inliers(self, query: LocalFeatures, index: LocalFeatures) -> int:
        """Count pairs that one affine map explains; 0 for up to three pairs."""
        mine, theirs = self.pairs(query, index)
        if len(mine) <= SAMPLE:
            return 0
        points = index.points_yx_px[theirs].astype(np.float64), query.points_yx_px[mine].astype(np.float64)
        return int(affine_inliers(*points, self.threshold_px, self.trials, self.seed).sum())

    def pairs(self, query: LocalFeatures, index: LocalFeatures) -> tuple[IndexArray, IndexArray]:
        """Each query feature with its nearest index feature, where that is near enough: not mutual."""
        if not len(query.scores) or not len(index.scores):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        cosines = _signs(query) @ _signs(index).T
        nearest = cosines.argmax(axis=1)
        best = cosines[np.arange(len(cosines)), nearest]
        near = best > (1.0 - 2.0 * self.differing_share if query.binary else 1.0 - self.distance**2 / 2.0)
        mine = np.flatnonzero(near)
        return mine, nearest[mine].astype(np.int64)


def rerank(ranking: IndexArray, junk: IndexArray, inliers_of: Callable[[int], int], checked: int = 100) -> IndexArray:
    """Order a global ranking by (inliers, place in it); what is not checked has none.

    Args:
        ranking: database images, best first.
        junk: images taken out before the first *checked* are counted off.
        inliers_of: inliers of a database image.
        checked: images that are looked at.
    """
    kept = ranking[~np.isin(ranking, junk)]
    counts = np.zeros(len(kept), dtype=np.int64)
    counts[:checked] = [inliers_of(int(image)) for image in kept[:checked]]
    return kept[np.argsort(-counts, kind="stable")]


def _signs(features: LocalFeatures) -> FloatArray:
    """Unit descriptors; of packed signs the vectors of plus and minus one they stand for, made unit length."""
    if not features.binary:
        return np.asarray(features.descriptors, dtype=np.float32)
    bits = np.unpackbits(np.asarray(features.descriptors, dtype=np.uint8), axis=1).astype(np.float32)
    return (2.0 * bits - 1.0) / np.float32(np.sqrt(bits.shape[1]))
