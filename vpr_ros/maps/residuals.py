# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How far the estimated pose is off when the place is right, as a function of how alike the images are.

A camera between two mapped frames sees nearly the same and is answered well; one beside the track sees less of the
same, and its answer is off by about that distance. What the robot knows of this is how far the similarity falls from
the best frame to the next: see ``log_drop``. In maps up to format 4 it is the similarity itself, which falls in another
light too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import log_drop
from vpr_ros.maps.manifest_values import LARGEST_POSITION_M, number, table

Float = npt.NDArray[np.float64]

LARGEST_GROWTH = 100.0
"""Ten times what was ever measured, and its exponential is still a number."""
LARGEST_COSINE = 2.0
LARGEST_LOG_DROP = 20.0


@dataclass(frozen=True)
class Residual:
    """A standard deviation that grows as the images get less alike.

    Attributes:
        sigma: at the reference; in metres or radians.
        growth: by how many powers of e it grows when the measure falls by 1; not negative.
        least, most: it never leaves this range.
    """

    sigma: float
    growth: float
    least: float
    most: float

    def after(self, fall: float) -> float:
        """Give the standard deviation where the measure is *fall* below the reference."""
        return float(np.clip(self.sigma * np.exp(self.growth * fall), self.least, self.most))

    @classmethod
    def constant(cls, sigma: float) -> Residual:
        """One that knows nothing of images."""
        return cls(sigma, 0.0, sigma, sigma)


@dataclass(frozen=True)
class Residuals:
    """Of each part of a pose.

    Attributes:
        similarity: cosine of the best candidate at which each ``sigma`` holds, where there is no ``log_drop``. They
            then come beyond the spread of the candidates that the pose was averaged from.
        horizontal_m: along x and along y.
        vertical_m: along z.
        tilt_rad: about x and about y.
        yaw_rad: about z.
        log_drop: see ``evidence.log_drop``, where each ``sigma`` holds; None: the similarity is the measure.
    """

    similarity: float
    horizontal_m: Residual
    vertical_m: Residual
    tilt_rad: Residual
    yaw_rad: Residual
    log_drop: float | None = None

    def variances(self, similarity: float, retrieved: Float, least_m: float, least_rad: float) -> Float:
        """(6,) of x, y, z (m^2), roll, pitch, yaw (rad^2).

        Args:
            similarity: of the best candidate.
            retrieved: (K,) of all candidates in any order.
            least_m, least_rad: standard deviations that are never gone below.
        """
        fall = self.similarity - similarity if self.log_drop is None else self.log_drop - log_drop(retrieved)
        horizontal, vertical = (max(part.after(fall), least_m) for part in (self.horizontal_m, self.vertical_m))
        tilt, yaw = (max(part.after(fall), least_rad) for part in (self.tilt_rad, self.yaw_rad))
        return np.array([horizontal, horizontal, vertical, tilt, tilt, yaw]) ** 2

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Residuals:
        """Read what ``dataclasses.asdict`` made of one.

        Raises:
            KeyError, TypeError, ValueError: a field is missing, unknown, no number, or out of its range.
        """
        parts = {name: _residual(plain, name) for name in plain if name not in ("similarity", "log_drop")}
        known = plain.get("log_drop") is not None
        drop = number(plain, "log_drop", -LARGEST_LOG_DROP, LARGEST_LOG_DROP) if known else None
        return cls(similarity=number(plain, "similarity", -LARGEST_COSINE, LARGEST_COSINE), log_drop=drop, **parts)


def _residual(plain: Mapping[str, Any], name: str) -> Residual:
    value = table(plain, name)
    most = {"growth": LARGEST_GROWTH}
    return Residual(**{key: number(value, key, 0.0, most.get(key, LARGEST_POSITION_M)) for key in value})
