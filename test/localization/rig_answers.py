# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Answers of single cameras, written down, to be fused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import Evidence
from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization, Match, Rejection
from vpr_ros.localization.rejection import Improbable

EVIDENCE = Evidence(0.5, 0.1, 0.3)


def matches(*found: tuple[float, Pose]) -> tuple[Match, ...]:
    """Probability and pose of each, best first."""
    return tuple(
        Match(number, 0.9 - 0.05 * number, probability, pose, str(number), "mapped")
        for number, (probability, pose) in enumerate(found)
    )


def answer(
    camera: str,
    found: Sequence[tuple[float, Pose]],
    sigma_m: float = 0.5,
    sigma_rad: float = 0.1,
    rejection: Rejection | None = None,
    covariance: npt.NDArray[np.float64] | None = None,
) -> Localization:
    """Rejected below a half."""
    probability, pose = found[0]
    if rejection is None and probability < 0.5:
        rejection = Improbable(probability, 0.5, EVIDENCE, "similarity")
    if covariance is None:
        covariance = np.diag([sigma_m**2] * 3 + [sigma_rad**2] * 3)
    return Localization(7, camera, rejection, pose, covariance, probability, matches(*found), {"infer": 2.0})
