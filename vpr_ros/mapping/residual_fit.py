# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Fit how the error of a pose grows as the images get less alike, by maximum likelihood of Gaussian errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize

from vpr_ros.maps.calibration import MIN_ANSWERS
from vpr_ros.maps.residuals import Residual

Float = npt.NDArray[np.float64]

MAX_GROWTH = 30.0
SMALLEST = 1e-6
STARTS = (0.0, 3.0)
"""Growths the search starts from: with few answers the likelihood has more than one hill."""


@dataclass(frozen=True, eq=False)
class _Answers:
    """The known errors: squared (n,), falls of the measure (n,), sigma's range."""

    squared: Float
    falls: Float
    floor: float
    most: float

    def variance(self, log_sigma: float, growth: float) -> Float:
        sigma: Float = np.clip(np.exp(log_sigma + growth * self.falls), self.floor, self.most)
        return sigma**2

    def surprise(self, parameters: Float) -> float:
        """Twice the mean negative log-likelihood, but for a constant."""
        expected = self.variance(*parameters)
        return float(np.mean(np.log(expected) + self.squared / expected))

    def excess(self, log_sigma: float, growth: float) -> float:
        """Mean of error^2 / variance, minus one: 0 is consistent."""
        return float(np.mean(self.squared / self.variance(log_sigma, growth))) - 1.0


def fit_residual(squared: Float, fall: Float, floor: float, most: float, default: Residual) -> Residual:
    """Fit one part of a pose: error^2 ~ sigma(fall)^2.

    The scale is then set so that the mean of error^2 / variance is one: consistent by measurement.

    Args:
        squared: (R, axes) squared errors of right answers; NaN where unknown.
        fall: (R,) how far the measure was below the reference.
        floor: sigma is never less.
        most: sigma is never more.
        default: what to return when fewer than ``MIN_ANSWERS`` answers are known.
    """
    falls = np.broadcast_to(fall[:, None], squared.shape)
    known = np.isfinite(squared)
    if known.sum() < MIN_ANSWERS:
        return default
    floor = max(floor, SMALLEST)
    answers = _Answers(squared[known], falls[known], floor, max(most, floor))
    growth = _likeliest_growth(answers)
    sigma = _consistent_sigma(answers, growth)
    best = sigma * np.exp(growth * answers.falls.min())
    return Residual(sigma, growth, float(np.clip(best, answers.floor, answers.most)), answers.most)


def _likeliest_growth(answers: _Answers) -> float:
    start = np.log(np.clip(np.sqrt(np.mean(answers.squared)), answers.floor, answers.most))
    bounds = ((np.log(answers.floor) - 3, np.log(answers.most) + 3), (0, MAX_GROWTH))
    tries = [minimize(answers.surprise, (start, growth), method="L-BFGS-B", bounds=bounds) for growth in STARTS]
    return float(min(tries, key=lambda found: float(found.fun)).x[1])


def _consistent_sigma(answers: _Answers, growth: float) -> float:
    reach = growth * float(np.abs(answers.falls).max())
    low, high = np.log(answers.floor) - reach, np.log(answers.most) + reach
    if answers.excess(low, growth) <= 0:
        return float(np.exp(low))
    if answers.excess(high, growth) >= 0:
        return float(np.exp(high))
    return float(np.exp(brentq(answers.excess, low, high, args=(growth,))))
