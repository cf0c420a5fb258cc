# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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

from vpr_ros.maps.manifest_values import LARGEST_POSITION_M, number, table

Float = npt.NDArray[np.float64]

LARGEST_GROWTH = 100.0
"""Ten times what was ever measured, and its exponential is still a number."""
LARGEST_COSINE = 2.0


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
            KeyError, TypeError, ValueError: a field is missing, unknown, no number, or out of its range.
        """
        parts = {name: _residual(plain, name) for name in plain if name != "similarity"}
        return cls(similarity=number(plain, "similarity", -LARGEST_COSINE, LARGEST_COSINE), **parts)


def _residual(plain: Mapping[str, Any], name: str) -> Residual:
    value = table(plain, name)
    most = {"growth": LARGEST_GROWTH}
    return Residual(**{key: number(value, key, 0.0, most.get(key, LARGEST_POSITION_M)) for key in value})
