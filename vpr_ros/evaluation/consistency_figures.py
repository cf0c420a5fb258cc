# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether an EKF can use what is published: NEES of accepted answers of the right scene, by the way their pose came."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from vpr_ros.core.frames import EXACT, PositionSigma
from vpr_ros.evaluation.answer_kind import AnswerKind
from vpr_ros.evaluation.consistency import position_nees, summarise_nees, yaw_nees
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.evaluation.verification import SOURCES

RIGHT_SCENE = (AnswerKind.RIGHT, AnswerKind.NEAR_MISS)
"""Beyond twice what makes an answer right it is a wrong place, and the probability answers for it."""


def consistency_figures(outcomes: Outcomes, of_truth: PositionSigma = EXACT) -> dict[str, Any]:
    """Of each source of poses "xy" and "yaw", each a ``NeesSummary`` or None where there is none.

    Args:
        outcomes: the table.
        of_truth: how uncertain the queries' own positions are; it is added to what is stated.
    """
    horizontal_m, vertical_m = of_truth
    noise = np.diag(np.square([horizontal_m, horizontal_m, vertical_m, 0.0, 0.0, 0.0]))
    figures: dict[str, Any] = {}
    for source in SOURCES:
        known = [
            (row.estimate, row.answer.covariance + noise, row.truth)
            for row, kind in zip(outcomes.rows, outcomes.kinds, strict=True)
            if row.answer.accepted
            and row.answer.pose_source == source
            and kind in RIGHT_SCENE
            and row.estimate is not None
            and row.answer.covariance is not None
            and row.truth is not None
        ]
        columns = [row[0] for row in known], [row[1] for row in known], [row[2] for row in known]
        of_each = {"xy": (position_nees(*columns), 2), "yaw": (yaw_nees(*columns), 1)}
        summaries = {name: summarise_nees(*nees) for name, nees in of_each.items()}
        figures[source] = {name: None if found is None else asdict(found) for name, found in summaries.items()}
    return figures
