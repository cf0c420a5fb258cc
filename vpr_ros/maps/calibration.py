# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map knows about its own reliability: probability of a match, and how far its poses are off."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from vpr_ros.core.errors import MapError
from vpr_ros.core.evidence import EVIDENCE_NAMES
from vpr_ros.maps.manifest_values import LARGEST_POSITION_M, count, number, numbers, one_of, texts
from vpr_ros.maps.map_files import DAMAGED, short
from vpr_ros.maps.residuals import Residual, Residuals

Triple = tuple[float, float, float]
Kind = Literal["held_out", "default"]
SMALLEST_RADIUS_M = 1e-6
SMALLEST_SCALE, LARGEST = 1e-9, 1e6
"""Of what a manifest may say: quotients and products of other numbers are not finite."""
MIN_ANSWERS = 8
"""Right ones and wrong ones that a map must have given to calibrate itself, each."""


@dataclass(frozen=True)
class Calibration:
    """A logistic model of p(match is right | evidence), and the residuals of right matches.

    Attributes:
        kind: "held_out" when fitted on frames left out of this map; "default" when the map was too small for that.
        radius_m: two frames nearer than this are the same place.
        evidence: names of the numbers the model reads.
        mean, scale: standardise the evidence.
        weights, bias: of the logistic model; weights are never negative.
        residuals: see ``Residuals``.
        samples_right, samples_wrong: how many answers it was fitted on.
    """

    kind: Kind
    radius_m: float
    mean: Triple
    scale: Triple
    weights: Triple
    bias: float
    residuals: Residuals
    samples_right: int = 0
    samples_wrong: int = 0
    evidence: tuple[str, ...] = EVIDENCE_NAMES

    def probability(self, evidence: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(K, 3) evidence -> (K,) probability that each match is right."""
        standardised = (evidence - np.array(self.mean)) / np.array(self.scale)
        return np.asarray(expit(standardised @ np.array(self.weights) + self.bias), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for the manifest."""
        plain = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Calibration:
        """Read what ``to_dict`` wrote.

        Raises:
            MapError: a field is missing, unknown, not finite or out of its range, or the evidence is not the one this
                software measures.
        """
        try:
            evidence = texts(plain, "evidence")
            if evidence != EVIDENCE_NAMES:
                raise MapError(
                    f"the calibration reads the evidence {evidence}, this software measures {EVIDENCE_NAMES}",
                    "Build the map again with this version",
                )
            values: dict[str, Any] = {
                **plain,
                "kind": one_of(plain, "kind", get_args(Kind)),
                "radius_m": number(plain, "radius_m", SMALLEST_RADIUS_M, LARGEST_POSITION_M),
                "mean": numbers(plain, "mean", 3, LARGEST),
                "scale": numbers(plain, "scale", 3, LARGEST),
                "weights": numbers(plain, "weights", 3, LARGEST),
                "bias": number(plain, "bias", -LARGEST, LARGEST),
                "residuals": Residuals.from_dict(plain["residuals"]),
                "evidence": evidence,
                **{key: count(plain, key) for key in ("samples_right", "samples_wrong")},
            }
            if min(values["scale"]) < SMALLEST_SCALE or min(values["weights"]) < 0:
                raise ValueError(f"scale must be {SMALLEST_SCALE:g} or more, weights not less than 0")
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            expected = ", ".join(field.name for field in fields(cls))
            raise MapError(
                f"the calibration cannot be read ({short(error)}), expected {expected}, all finite", DAMAGED
            ) from error


def default_calibration(radius_m: float, spacing_m: float) -> Calibration:
    """A cautious model for maps too small to calibrate themselves: it accepts clear matches only.

    Args:
        radius_m: two frames nearer than this are the same place.
        spacing_m: median distance between neighbouring frames.
    """
    return Calibration(
        kind="default",
        radius_m=radius_m,
        mean=(0.6, 0.1, 0.3),
        scale=(0.15, 0.1, 0.25),
        weights=(1.5, 1.5, 0.3),
        bias=-0.5,
        residuals=Residuals(
            similarity=0.6,
            horizontal_m=Residual.constant(max(spacing_m, radius_m / 4)),
            vertical_m=Residual.constant(max(spacing_m, radius_m / 4) / 2),
            tilt_rad=Residual.constant(0.1),
            yaw_rad=Residual.constant(0.35),
        ),
    )
