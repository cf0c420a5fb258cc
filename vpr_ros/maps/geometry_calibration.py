# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What keypoints say about a match, weighed: the probability that it is right once it was compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from vpr_ros.core.evidence import GEOMETRIC_EVIDENCE_NAMES
from vpr_ros.maps.calibration import LARGEST, Kind
from vpr_ros.maps.manifest_values import count, number, numbers, one_of, texts

Float = npt.NDArray[np.float64]
Four = tuple[float, float, float, float]

SURE: Final = 0.001
"""Probabilities by similarity alone nearer than this to 0 or 1 are taken for no surer."""
SCENE_WEIGHTS: Final[Four] = (4.5, 0.0, 4.5, 0.0)
SCENE_BIAS: Final = -18.3
"""An even chance at 40 inliers that cover a third of the image. Chosen on eight pairs of drives, see
docs/verification.md; the share of the inliers says another thing in each of them, so that it has no weight."""
WIDEST: Final = 8.0
"""The most that a map's own answers widen what geometric poses state."""
PLACE_IF_SCENE: Final = 0.95
"""That a match is right which shows the same scene, where a map could not find out how its neighbours differ."""


@dataclass(frozen=True)
class GeometryCalibration:
    """p(match is right) = p(it shows the same scene) x p(it is the right place of that scene).

    The first is a logistic model of what keypoints say, the same for every map: what a proof is does not depend on
    the place. The second is a logistic model that the map fits to itself, of the probability by similarity alone, as
    its logit, and of what keypoints say: from how far away its places still show the same scene depends on the map.

    Attributes:
        kind: "held_out" where the second was fitted on frames left out of this map, "default" where it is a constant.
        scene_weights, scene_bias: of the first, for the numbers of ``GeometricEvidence``; weights are never negative.
        alone_weight: of the logit of the probability by similarity, in the second.
        place_weights, place_bias: of the second.
        usual_precision: is taken for the precision where that is unknown, and subtracted from it.
        samples_right, samples_wrong: how many answers the second was fitted on.
        pose_widening: factor of the deviations that geometric poses state, where this map's own frames were farther
            off than that; 1 where they were not, or nobody asked.
        evidence: names of the numbers the models read.
    """

    kind: Kind = "default"
    scene_weights: Four = SCENE_WEIGHTS
    scene_bias: float = SCENE_BIAS
    alone_weight: float = 0.0
    place_weights: Four = (0.0, 0.0, 0.0, 0.0)
    place_bias: float = float(logit(PLACE_IF_SCENE))
    usual_precision: float = 0.0
    samples_right: int = 0
    samples_wrong: int = 0
    pose_widening: float = 1.0
    evidence: tuple[str, ...] = GEOMETRIC_EVIDENCE_NAMES

    def probability(self, alone: Float, evidence: Float) -> Float:
        """Probability that each match is right.

        Args:
            alone: (K,) probability by similarity.
            evidence: (K, 4) rows of ``GeometricEvidence``; all NaN where keypoints say nothing.

        Returns:
            (K,) probabilities; where keypoints say nothing those by similarity.
        """
        places = centred(evidence, self.usual_precision) @ np.array(self.place_weights)
        same_place = expit(self.alone_weight * odds(alone) + places + self.place_bias)
        return np.where(np.isfinite(evidence[:, 0]), self.same_scene(evidence) * same_place, alone)

    def same_scene(self, evidence: Float) -> Float:
        """(K, 4) evidence -> (K,) probability that the match shows the same scene."""
        weighed = centred(evidence, 0.0) @ np.array(self.scene_weights)
        return np.asarray(expit(weighed + self.scene_bias), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for the manifest."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> GeometryCalibration:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong, or the evidence is not the one this software
                measures.
        """
        evidence = texts(plain, "evidence")
        if evidence != GEOMETRIC_EVIDENCE_NAMES:
            raise ValueError(f"it reads the evidence {evidence}, this software measures {GEOMETRIC_EVIDENCE_NAMES}")
        return cls(
            kind=one_of(plain, "kind", get_args(Kind)),
            scene_weights=_weights(plain, "scene_weights"),
            scene_bias=number(plain, "scene_bias", -LARGEST, LARGEST),
            alone_weight=number(plain, "alone_weight", 0.0, LARGEST),
            place_weights=_weights(plain, "place_weights"),
            place_bias=number(plain, "place_bias", -LARGEST, LARGEST),
            usual_precision=number(plain, "usual_precision", 0.0, LARGEST),
            samples_right=count(plain, "samples_right"),
            samples_wrong=count(plain, "samples_wrong"),
            pose_widening=number(plain, "pose_widening", 1.0, WIDEST) if "pose_widening" in plain else 1.0,
        )


def centred(evidence: Float, usual_precision: float) -> Float:
    """(K, 4) the same with the precision as its difference from the usual one; what is unknown is no difference."""
    return np.nan_to_num(evidence - np.array([0.0, 0.0, 0.0, usual_precision]))


def odds(probability: Float) -> Float:
    """Their logarithm, for probabilities short of certainty."""
    return np.asarray(logit(np.clip(probability, SURE, 1.0 - SURE)), dtype=np.float64)


def _weights(plain: Mapping[str, Any], key: str) -> Four:
    log_inliers, share, coverage, precision = numbers(plain, key, 4, LARGEST)
    if min(log_inliers, share, coverage, precision) < 0:
        raise ValueError(f"{key} holds a negative number, expected 0 or more")
    return log_inliers, share, coverage, precision
