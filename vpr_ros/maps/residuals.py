"""How far the estimated pose is off when the place is right, as a function of how alike the images are.

A camera between two mapped frames sees nearly the same and is answered well; one beside the track sees less of the
same, and its answer is off by about that distance. The similarity is what the robot knows of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize

Float = npt.NDArray[np.float64]

MIN_ANSWERS = 8
MAX_GROWTH = 30.0


@dataclass(frozen=True)
class Residual:
    """A standard deviation that grows as the similarity falls.

    Attributes:
        sigma: at the reference similarity; in metres or radians.
        growth: by how many powers of e it grows when the similarity falls by 1; not negative.
        least, most: it never leaves this range.
    """

    sigma: float
    growth: float
    least: float
    most: float

    def after(self, fall: float) -> float:
        """Give the standard deviation where the similarity is *fall* below the reference."""
        return float(np.clip(self.sigma * np.exp(self.growth * fall), self.least, self.most))

    @classmethod
    def constant(cls, sigma: float) -> Residual:
        """One that knows nothing of similarity."""
        return cls(sigma, 0.0, sigma, sigma)


@dataclass(frozen=True)
class Residuals:
    """Of each part of a pose, beyond the spread of the candidates it was averaged from.

    Attributes:
        similarity: cosine of the best candidate at which each ``sigma`` holds.
        horizontal_m: along x and along y.
        vertical_m: along z.
        tilt_rad: about x and about y.
        yaw_rad: about z.
    """

    similarity: float
    horizontal_m: Residual
    vertical_m: Residual
    tilt_rad: Residual
    yaw_rad: Residual

    def variances(self, similarity: float, least_m: float, least_rad: float) -> Float:
        """(6,) of x, y, z (m^2), roll, pitch, yaw (rad^2), for an answer whose best candidate has this *similarity*."""
        fall = self.similarity - similarity
        horizontal, vertical = (max(part.after(fall), least_m) for part in (self.horizontal_m, self.vertical_m))
        tilt, yaw = (max(part.after(fall), least_rad) for part in (self.tilt_rad, self.yaw_rad))
        return np.array([horizontal, horizontal, vertical, tilt, tilt, yaw]) ** 2

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Residuals:
        """Read what ``dataclasses.asdict`` made of one.

        Raises:
            KeyError, TypeError, ValueError: a field is missing, unknown, or no number.
        """
        parts = {
            name: Residual(**{key: float(number) for key, number in value.items()})
            for name, value in plain.items()
            if name != "similarity"
        }
        return cls(similarity=float(plain["similarity"]), **parts)


def fit_residual(squared: Float, spread: Float, fall: Float, floor: float, most: float, default: Residual) -> Residual:
    """Fit one part of a pose: error^2 ~ spread + sigma(fall)^2, by maximum likelihood of Gaussian errors.

    The scale is then set so that the mean of error^2 / variance is one: consistent by measurement.

    Args:
        squared: (R, axes) squared errors of right answers; NaN where unknown.
        spread: (R, axes) the variances that the candidates' spread stated.
        fall: (R,) how far the best similarity was below the reference.
        floor: sigma is never less.
        most: sigma is never more.
        default: what to return when fewer than ``MIN_ANSWERS`` answers are known.
    """
    falls = np.broadcast_to(fall[:, None], squared.shape)
    known = np.isfinite(squared)
    squared, spread, falls = squared[known], spread[known], falls[known]
    if len(squared) < MIN_ANSWERS:
        return default
    floor, most = max(floor, 1e-6), max(most, floor, 1e-6)

    def variance(log_sigma: float, growth: float) -> Float:
        sigma: Float = np.clip(np.exp(log_sigma + growth * falls), floor, most)
        return spread + sigma**2

    def surprise(parameters: Float) -> float:
        expected = variance(*parameters)
        return float(np.mean(np.log(expected) + squared / expected))

    def excess(log_sigma: float) -> float:
        return float(np.mean(squared / variance(log_sigma, growth))) - 1.0

    start = np.log(np.clip(np.sqrt(np.mean(squared)), floor, most))
    tries = [
        minimize(
            surprise,
            (start, growth),
            method="L-BFGS-B",
            bounds=((np.log(floor) - 3, np.log(most) + 3), (0, MAX_GROWTH)),
        )
        for growth in (0.0, 3.0)
    ]
    growth = float(min(tries, key=lambda result: float(result.fun)).x[1])
    reach = growth * float(np.abs(falls).max())
    low, high = np.log(floor) - reach, np.log(most) + reach
    log_sigma = low if excess(low) <= 0 else high if excess(high) >= 0 else brentq(excess, low, high)
    sigma = float(np.exp(log_sigma))
    least = float(np.clip(sigma * np.exp(growth * falls.min()), floor, most))
    return Residual(sigma, growth, least, most)
