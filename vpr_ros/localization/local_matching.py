# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which keypoints of an image and of map frames are each other's nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.local_features import Float32, LocalFeatures, MapFeatures

LARGEST_PRODUCT: Final = 1 << 25
"""Cosines in memory at once, 128 MiB; five frames of 399 keypoints asked with 600 make 1.2 million."""


@dataclass(frozen=True, eq=False)
class KeypointMatches:
    """N pairs of keypoints, each keypoint in one pair at most.

    Attributes:
        query: (N,) int64, numbers of the image's keypoints, rising.
        mapped: (N,) int64, numbers of the map frame's keypoints.
    """

    query: npt.NDArray[np.int64]
    mapped: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.query)


def mutual_matches(
    query: LocalFeatures, candidates: Sequence[MapFeatures], min_cosine: float
) -> tuple[KeypointMatches, ...]:
    """Pair the keypoints of an image with those of each of K map frames: mutual nearest neighbours by cosine.

    All frames are compared in one product, if it is not too large. Of keypoints that are equally near the first one
    counts.

    Args:
        query: of the image.
        candidates: of the map frames.
        min_cosine: pairs less alike than this are none.

    Returns:
        K entries, in the order of *candidates*.
    """
    counts = [len(features) for features in candidates]
    if not len(query) or not sum(counts):
        return tuple(_none() for _ in counts)
    if len(counts) > 1 and len(query) * sum(counts) > LARGEST_PRODUCT:
        return tuple(found for one in candidates for found in mutual_matches(query, [one], min_cosine))
    rows = np.concatenate([features.descriptors for features in candidates if len(features)])
    cosines = rows.astype(np.float32, copy=False) @ query.descriptors.T
    nearest = cosines.argmax(axis=1)
    best = cosines[np.arange(len(rows)), nearest]
    ends = np.cumsum(counts)
    parts = (slice(end - count, end) for end, count in zip(ends, counts, strict=True))
    return tuple(_mutual(cosines[part], nearest[part], best[part], min_cosine) for part in parts)


def _mutual(cosines: Float32, nearest: npt.NDArray[np.int64], best: Float32, min_cosine: float) -> KeypointMatches:
    """Those of one frame.

    Args:
        cosines: (M, Q) of its keypoints and the image's.
        nearest: (M,) the image's keypoint nearest to each.
        best: (M,) their cosine.
        min_cosine: see ``mutual_matches``.
    """
    if not len(cosines):
        return _none()
    mapped = np.flatnonzero((best >= cosines.max(axis=0)[nearest]) & (best >= min_cosine))
    query, first = np.unique(nearest[mapped], return_index=True)
    return KeypointMatches(query, mapped[first])


def _none() -> KeypointMatches:
    return KeypointMatches(np.empty(0, np.int64), np.empty(0, np.int64))
