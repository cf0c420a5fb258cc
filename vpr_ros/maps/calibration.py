"""What a map knows about its own reliability: probability of a match, and how far its poses are off."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from vpr_ros.core.errors import MapError
from vpr_ros.core.evidence import EVIDENCE_NAMES
from vpr_ros.maps.residuals import Residual, Residuals

Triple = tuple[float, float, float]


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

    kind: Literal["held_out", "default"]
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
            MapError: a field is missing, unknown or not finite, or the evidence is not the one this software measures.
        """
        remedy = "Build the map again, or restore manifest.yaml from a backup"
        try:
            values: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in plain.items()
                if key != "residuals"
            }
            calibration = cls(residuals=Residuals.from_dict(plain["residuals"]), **values)
            numbers = [*calibration.mean, *calibration.scale, *calibration.weights, calibration.bias]
            numbers += [calibration.radius_m, *_numbers(asdict(calibration.residuals))]
            finite = bool(np.isfinite(np.array(numbers, dtype=np.float64)).all()) and len(numbers) == 28
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            expected = ", ".join(field.name for field in fields(cls))
            raise MapError(f"the map's calibration cannot be read ({error!r}), expected {expected}", remedy) from error
        if calibration.evidence != EVIDENCE_NAMES or not finite or calibration.radius_m <= 0:
            raise MapError(
                f"the map's calibration reads {calibration.evidence} and expects finite numbers, "
                f"this software measures {EVIDENCE_NAMES}",
                remedy,
            )
        return calibration


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


def _numbers(plain: dict[str, Any]) -> list[float]:
    values = (value if isinstance(value, dict) else {"": value} for value in plain.values())
    return [number for value in values for number in value.values()]
