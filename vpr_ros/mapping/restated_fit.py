# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Fit what a map states to what came true on drives with known poses: two numbers that little data does not move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from vpr_ros.mapping.logistic import likeliest
from vpr_ros.maps.geometry_calibration import odds
from vpr_ros.maps.restated import Restated, StatedBin

FEWEST_ANSWERS: Final = 20
"""Fewer say too little to contradict the map."""
PRIOR_SCALE, PRIOR_SIGMA = 1.0, 0.5
"""The map's own log-odds are taken to be as wide as they should be, until answers say otherwise."""
AS_STATED: Final = np.arange(0.05, 1.0, 0.1)
"""One answer at each of these, as right as the map said, is counted beside those of the drives: a drive that gave no
wrong answer must not make a probability of strangers, which it has not seen, a certainty."""


def fit_restated(table: Sequence[StatedBin]) -> Restated | None:
    """The likeliest line through the log-odds; None where there are too few answers.

    Args:
        table: rows of one drive or of several; each answer counts once.
    """
    if sum(row.answers for row in table) < FEWEST_ANSWERS:
        return None
    stated, answers, right = np.array([row.to_list() for row in table], dtype=np.float64).T
    stated, share = np.append(stated, AS_STATED), np.append(answers, np.ones(len(AS_STATED)))
    target = np.append(right / answers, AS_STATED)
    prior = np.array([PRIOR_SCALE]), np.array([PRIOR_SIGMA])
    (scale,), bias = likeliest(odds(stated)[:, None], target, share, *prior)
    return Restated(float(scale), bias)
