# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What geometry says of one match."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import SizePx

ENOUGH_INLIERS: Final = 40
"""So many prove a match: mirrored pictures and other places, which have some by accident, were not seen to reach it."""
FEWEST_FEATURES: Final = 100
"""An image or a map frame with fewer shows too little for few inliers to speak against a match."""


class Verdict(Enum):
    """What becomes of a match."""

    VERIFIED = "verified"
    """One rigid scene explains both images."""
    REFUTED = "refuted"
    """Both images show enough, and hardly any of it agrees."""
    UNDECIDED = "undecided"
    """One of them shows too little, or neither enough agrees nor next to nothing."""


@dataclass(frozen=True, eq=False)
class MatchGeometry:
    """What geometry found in common between an image and a map frame.

    Attributes:
        verdict: see ``Verdict``.
        matches: how many keypoints look alike.
        coverage: share of the image that the inliers cover, 0..1. A hundred inliers in a corner prove the place and
            make a wrong pose.
        query_px, mapped_px: (N, 2) the inliers, in the image and in the map frame.
        mapped_size_px: width and height of the map frame's image.
        tells: whether it says anything about the match: see ``tells``.
    """

    verdict: Verdict
    matches: int
    coverage: float
    query_px: npt.NDArray[np.float64]
    mapped_px: npt.NDArray[np.float64]
    mapped_size_px: SizePx
    tells: bool = True

    @property
    def inliers(self) -> int:
        """How many of the matches one rigid scene explains."""
        return len(self.query_px)

    @property
    def share(self) -> float:
        """Of the matches, that are inliers, 0..1."""
        return self.inliers / max(1, self.matches)


def tells(found: Verdict, features: int, min_inliers: int) -> bool:
    """Whether what was found says anything about a match.

    Few inliers among few keypoints speak neither for it nor against it, and a *min_inliers* of 0 says that they never
    speak against one.

    Args:
        found, features, min_inliers: see ``verdict``.
    """
    return found is Verdict.VERIFIED or (features >= FEWEST_FEATURES and min_inliers > 0)


def verdict(inliers: int, features: int, min_inliers: int) -> Verdict:
    """Judge a match.

    Args:
        inliers: see ``MatchGeometry``.
        features: of the image or of the map frame, whichever has fewer.
        min_inliers: fewer speak against a match.
    """
    if inliers >= ENOUGH_INLIERS and inliers >= min_inliers:
        return Verdict.VERIFIED
    return Verdict.REFUTED if inliers < min_inliers and features >= FEWEST_FEATURES else Verdict.UNDECIDED
