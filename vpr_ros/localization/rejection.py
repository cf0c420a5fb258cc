# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Why an answer may not be used: one type for each cause, with the numbers that made it.

A new cause is a name in ``RejectionType``, a class that carries its numbers, and its words in ``sentences.py``; mypy
says where one is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final

from vpr_ros.core.evidence import Evidence
from vpr_ros.maps.promise import Vouched

INLIERS: Final = "log_inliers"
"""The evidence of keypoints that speaks against a match, see ``GeometricEvidence``."""


class RejectionType(Enum):
    """The names under which rejections are published, counted and documented; they do not change."""

    NO_CANDIDATE = "no_candidate"
    REFUTED = "refuted"
    DISSIMILAR = "dissimilar"
    IMPROBABLE = "improbable"
    JUMP = "jump"
    UNPROVED = "unproved"


@dataclass(frozen=True)
class NoCandidate:
    """No map frame could be compared.

    Attributes:
        prior_radius_m: of the prior that left none to be searched; None where there was no prior.
    """

    type: ClassVar = RejectionType.NO_CANDIDATE
    prior_radius_m: float | None


@dataclass(frozen=True)
class Refuted:
    """Geometry proves none of the candidates, though there is enough to be seen.

    Attributes:
        candidates: how many were compared.
        inliers: of the best of them.
        min_inliers: what was asked for.
    """

    type: ClassVar = RejectionType.REFUTED
    candidates: int
    inliers: int
    min_inliers: int


@dataclass(frozen=True)
class Dissimilar:
    """The best match looks less like the image than the user asks for.

    Attributes:
        similarity: its cosine.
        min_similarity: what was asked for.
        probability: that it is right all the same.
    """

    type: ClassVar = RejectionType.DISSIMILAR
    similarity: float
    min_similarity: float
    probability: float


@dataclass(frozen=True)
class Improbable:
    """The best match is less likely right than the user asks for.

    Attributes:
        probability: that it is right.
        min_probability: what was asked for.
        evidence: of the best match.
        weakest: the evidence that speaks most against it, one of ``EVIDENCE_NAMES`` or ``INLIERS``.
        inliers: of the best match; 0 where nobody looked.
    """

    type: ClassVar = RejectionType.IMPROBABLE
    probability: float
    min_probability: float
    evidence: Evidence
    weakest: str
    inliers: int = 0


@dataclass(frozen=True)
class Jump:
    """Odometry makes the pose impossible after those accepted before, and too little agrees with it yet.

    Attributes:
        distance_m: from where odometry leads.
        allowed_m: the farthest it could be.
        probability: that the best match is right all the same.
    """

    type: ClassVar = RejectionType.JUMP
    distance_m: float
    allowed_m: float
    probability: float


@dataclass(frozen=True)
class Unproved:
    """The best match is proved less well than the map's promise of so few wrong places asks for.

    Attributes:
        similarity: its cosine.
        probability: that it is right.
        inliers: of the best match.
        proof: what they are worth, see ``proof.proof``.
        vouched: the promise in force.
    """

    type: ClassVar = RejectionType.UNPROVED
    similarity: float
    probability: float
    inliers: int
    proof: float
    vouched: Vouched


Rejection = NoCandidate | Refuted | Dissimilar | Improbable | Jump | Unproved
