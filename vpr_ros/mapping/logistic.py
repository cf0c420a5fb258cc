# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A small logistic regression that cannot overstate what little data says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Float = npt.NDArray[np.float64]

PRIOR_SIGMA = 3.0
MIN_SCALE = 1e-3


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """p = 1 / (1 + exp(-(weights . (x - mean) / scale + bias)))."""

    mean: Float
    scale: Float
    weights: Float
    bias: float


def fit_logistic(
    evidence: Float, right: npt.NDArray[np.bool_], prior_sigma: Sequence[float] = (PRIOR_SIGMA,)
) -> LogisticFit:
    """Fit p(right | evidence) to M answers, right and wrong ones weighing the same in total.

    Weights are not negative (more evidence never speaks against) and have a Gaussian prior;
    targets are smoothed as in Platt, "Probabilistic outputs for support vector machines" (1999).

    Args:
        evidence: (M, F).
        right: (M,), at least one of each.
        prior_sigma: of the weights of standardised evidence, F numbers or one for all.
    """
    mean, scale = evidence.mean(axis=0), np.maximum(evidence.std(axis=0), MIN_SCALE)
    x = (evidence - mean) / scale
    count = np.where(right, right.sum(), (~right).sum())
    target = np.where(right, (count + 1) / (count + 2), 1 / (count + 2))
    share = len(right) / (2 * count)
    sigma = np.broadcast_to(np.array(prior_sigma), evidence.shape[1])
    return LogisticFit(mean, scale, *likeliest(x, target, share, np.zeros_like(sigma), sigma))


def likeliest(
    evidence: Float, target: Float, share: Float, prior_mean: Float, prior_sigma: Float
) -> tuple[Float, float]:
    """The weights, (F,) and none negative, and the bias that are likeliest after M answers.

    Args:
        evidence: (M, F).
        target: (M,) probability that the model is to state, 0..1.
        share: (M,) how much each answer counts.
        prior_mean, prior_sigma: (F,) of the weights; the bias has no prior.
    """

    def loss(parameters: Float) -> tuple[float, Float]:
        weights, bias = parameters[:-1], parameters[-1]
        z = evidence @ weights + bias
        error = share * (1 / (1 + np.exp(-np.clip(z, -50, 50))) - target)
        off = (weights - prior_mean) / prior_sigma
        value = share @ (np.logaddexp(0, z) - target * z) + 0.5 * np.sum(off**2)
        return float(value), np.append(evidence.T @ error + off / prior_sigma, error.sum())

    features = evidence.shape[1]
    bounds = [(0.0, None)] * features + [(None, None)]
    found = minimize(loss, np.append(np.ones(features), 0.0), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x[:-1]), float(found.x[-1])
