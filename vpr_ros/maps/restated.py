# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Probabilities stated anew: what a map says of its answers, held against drives whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from vpr_ros.maps.geometry_calibration import odds
from vpr_ros.maps.manifest_values import count, number

Float = npt.NDArray[np.float64]
LARGEST_CHANGE: Final = 1e3
MOST_ANSWERS: Final = 10**7
"""Of one bin: sums stay exact."""
BINS: Final = 20
"""Of equal width over 0..1, the last of which includes 1."""


@dataclass(frozen=True)
class StatedBin:
    """Answers of one drive whose stated probabilities lie near each other: a row of its reliability table.

    Attributes:
        stated: their mean.
        answers: how many.
        right: how many of those were right.
    """

    stated: float
    answers: int
    right: int

    def to_list(self) -> list[float | int]:
        """A row for the manifest."""
        return [self.stated, self.answers, self.right]

    @classmethod
    def from_list(cls, row: object) -> StatedBin:
        """Read what ``to_list`` wrote.

        Raises:
            TypeError, ValueError: no such row.
        """
        if not isinstance(row, list) or len(row) != 3:
            raise ValueError("a row of a reliability table is no list of probability, answers and right ones")
        named = dict(zip(("stated", "answers", "right"), row, strict=True))
        answers = count(named, "answers", 1, MOST_ANSWERS)
        return cls(number(named, "stated", 0.0, 1.0), answers, count(named, "right", 0, answers))


def stated_bins(probability: Float, right: npt.NDArray[np.bool_]) -> tuple[StatedBin, ...]:
    """The reliability table of N answers, empty bins left out."""
    bin_of = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    return tuple(
        StatedBin(round(float(probability[inside].mean()), 6), int(inside.sum()), int(right[inside].sum()))
        for inside in (bin_of == number_of_bin for number_of_bin in range(BINS))
        if inside.any()
    )


@dataclass(frozen=True)
class Restated:
    """Another straight line through the log-odds of what the map states (Platt 1999).

    Attributes:
        scale: of the log-odds; not negative, so that the order of answers stays.
        bias: added to them.
    """

    scale: float
    bias: float

    def of(self, probability: Float) -> Float:
        """(K,) probabilities anew; 0 stays 0, for nobody looked."""
        return np.where(probability > 0.0, expit(self.scale * odds(probability) + self.bias), 0.0)

    def to_dict(self) -> dict[str, float]:
        """Plain numbers for the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Restated:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        return cls(number(plain, "scale", 0.0, LARGEST_CHANGE), number(plain, "bias", -LARGEST_CHANGE, LARGEST_CHANGE))
