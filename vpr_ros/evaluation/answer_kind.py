# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Right, nearly right, or somewhere else: two errors that cost a robot different things.

A near miss shows the right scene from too far away; the covariance answers for it, and must contain it. A wrong place
is a lie, and the probability's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
import numpy.typing as npt

from vpr_ros.evaluation.positives import Positives


class AnswerKind(Enum):
    """What an answer is, by its best match; the names stand in ``queries.csv``."""

    RIGHT = "right"
    """The best match is a correct map frame."""
    NEAR_MISS = "near_miss"
    """It is not, but lies within twice of what makes one correct."""
    WRONG_PLACE = "wrong_place"
    """It lies beyond that."""
    WRONG = "wrong"
    """It is not correct, and nobody knows how far away it is."""
    NOTHING = "nothing"
    """Nothing matched."""


def answer_kinds(best: npt.NDArray[np.integer], positives: Positives) -> tuple[AnswerKind, ...]:
    """The kinds of Q answers.

    Args:
        best: (Q,) map indices of the best matches, -1 where nothing matched.
        positives: of the same queries.
    """
    near = positives.same_scene or (None,) * len(positives)
    return tuple(_kind(*row) for row in zip(best.tolist(), positives.indices, near, strict=True))


def _kind(best: int, correct: npt.NDArray[np.int64], near: npt.NDArray[np.int64] | None) -> AnswerKind:
    if best < 0:
        return AnswerKind.NOTHING
    if best in correct:
        return AnswerKind.RIGHT
    if near is None:
        return AnswerKind.WRONG
    return AnswerKind.NEAR_MISS if best in near else AnswerKind.WRONG_PLACE


def count_of(kinds: Sequence[AnswerKind], kind: AnswerKind) -> int:
    """How many are of this kind."""
    return sum(one is kind for one in kinds)
