# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What one image says of where it was taken: candidates joined to places, each with a probability of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.localization.candidates import Candidates

Float = npt.NDArray[np.float64]

LEAST, MOST = 1e-4, 0.995
"""Of a probability: one image proves nothing for good."""
MISSED: Final = 0.3
"""How likely an image of a place has that place among none of its candidates, where another image surely has not."""


@dataclass(frozen=True, eq=False)
class ImageEvidence:
    """Places that one image speaks for.

    Attributes:
        candidates: K of them.
        likelihood: (K,) of the image if it shows each one's place, where that is 1 for an image from off the map.
        place: (K,) number of each one's place.
        leader: (P,) number of the candidate that stands for each place, the likeliest first.
    """

    candidates: Candidates
    likelihood: Float
    place: npt.NDArray[np.int64]
    leader: npt.NDArray[np.int64]

    def support(self, position_m: Float, slack_m: Float, radius_m: float) -> Float:
        """(M,) likelihood of the best place within the radius of each position, fading out beyond.

        Args:
            position_m: (M, 3).
            slack_m: (M,) how far off each may be.
            radius_m: of a place.
        """
        leaders = self.candidates.position_m[self.leader]
        beyond_m = np.maximum(0.0, distances_m(position_m, leaders) - radius_m)
        fading = np.exp(-0.5 * (beyond_m / (slack_m[:, None] + 0.25 * radius_m)) ** 2)
        return np.asarray((fading * self.likelihood[self.leader]).max(axis=1))


def image_evidence(
    candidates: Candidates, probabilities: Float, radius_m: float, places: int, usual_odds: float
) -> ImageEvidence:
    """Join K >= 1 candidates with their calibrated probabilities to places, which have the largest of theirs.

    Odds that are above those of any best candidate speak for a place. That an image which is not of a place has it
    among r that are as likely happens once in *places* / r times.

    Args:
        candidates: best first.
        probabilities: (K,).
        radius_m: of a place.
        places: how many the map has.
        usual_odds: of right against wrong that the probabilities were calibrated with.
    """
    position_m = candidates.position_m
    own = np.clip(np.nan_to_num(probabilities), LEAST, MOST)
    near = distances_m(position_m, position_m) <= radius_m
    place = np.full(len(own), -1, dtype=np.int64)
    leaders: list[int] = []
    for number in np.argsort(-own, kind="stable").tolist():
        if place[number] < 0:
            place[near[number] & (place < 0)] = len(leaders)
            leaders.append(number)
    leader = np.array(leaders, dtype=np.int64)
    odds = own[leader] / (1.0 - own[leader]) / usual_odds
    as_likely = np.minimum(1.0, odds[None] / odds[:, None]).sum(axis=1)
    likelihood = np.maximum(MISSED, odds * places / as_likely)
    return ImageEvidence(candidates, likelihood[place], place, leader)


def distances_m(one_m: Float, other_m: Float) -> Float:
    """(M, 3), (K, 3) -> (M, K)."""
    difference = one_m[:, None] - other_m[None]
    return np.asarray(np.sqrt(np.einsum("mki,mki->mk", difference, difference)))
