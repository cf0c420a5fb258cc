# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What paired runs say of a claim: a difference, its standard error over two sources of chance, and a verdict."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Figures = npt.NDArray[np.float64]


class Difference(NamedTuple):
    """Of two ways that were measured alike.

    Attributes:
        mean: over both sources.
        error: its standard error; NaN where one source was drawn only once.
    """

    mean: float
    error: float


def paired_difference(better: Figures, worse: Figures) -> Difference:
    """Compare figures (S, T) of S seeds, each measured on the same T queries or places.

    The error is that of two sources, other seeds and other places: ``var(mean of each seed) / S + var(mean of each
    place) / T``. What is measured under one seed, or at one place, is not independent, so S x T is not how much was
    seen. It is too large rather than too small: what is left after both sources is counted twice.
    """
    difference = better - worse
    of_seeds, of_places = difference.mean(axis=1), difference.mean(axis=0)
    variance = sum(part.var(ddof=1) / len(part) if len(part) > 1 else float("nan") for part in (of_seeds, of_places))
    return Difference(float(difference.mean()), float(np.sqrt(variance)))


def verdict(difference: Difference, errors: float, within: float | None = None) -> str:
    """Return "seen", "contradicted" or "not resolved".

    Args:
        difference: see there.
        errors: how many standard errors a difference must have to be taken for one.
        within: for a claim that two are about equal, how many points still are; None for a gain.
    """
    low, high = difference.mean - errors * difference.error, difference.mean + errors * difference.error
    if within is not None:
        return "seen" if high <= within else "contradicted" if low > within else "not resolved"
    return "seen" if low > 0 else "contradicted" if high < 0 else "not resolved"
