# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How far the making of an index is, and with what."""

from __future__ import annotations

from typing import Final

from vpr_ros.mapping.index_choice import IndexPlan
from vpr_ros.mapping.index_recall import MOST_QUESTIONS, TRIED_QUESTIONS
from vpr_ros.mapping.likeness import HALVINGS
from vpr_ros.mapping.usable_frames import Progress

PARTS: Final = 1000
QUESTIONS, LISTS, ADDING, TRYING = "asking every frame", "finding lists", "adding", "trying"
SHARE_READ: Final = 2 / 3
"""Of all lists, in the tries of an index together, with the time that it takes to find which."""


class IndexProgress:
    """Tells one count over all stages of an index, so that the time left is that of the whole.

    All but the tries are products of matrices, and to read a code takes about as long as a multiplication for each of
    its numbers: so multiplications tell how long a stage takes beside the others (a million frames of 1600 numbers on
    one thread: 40 thousand million a second).
    """

    def __init__(
        self, progress: Progress | None, plan: IndexPlan, shape: tuple[int, int], trained: int, iterations: int
    ) -> None:
        """Begin.

        Args:
            progress: told of thousandths; None: nobody is.
            plan: of the index.
            shape: of the descriptors.
            trained: descriptors that the lists are found by, so many *iterations* long.
            iterations: see *trained*.
        """
        frames, dim = shape
        self._progress = progress
        self._costs = {
            QUESTIONS: frames * dim * (HALVINGS * TRIED_QUESTIONS + MOST_QUESTIONS),
            LISTS: iterations * trained * plan.lists * dim,
            ADDING: frames * dim * max(1, plan.lists),
            TRYING: frames * dim * MOST_QUESTIONS * (SHARE_READ if plan.lists else 1),
        }

    def tell(self, stage: str, share: float) -> None:
        """So much of *stage*, 0..1, is done, and of those before it all."""
        if self._progress is None:
            return
        stages = list(self._costs)
        before = sum(self._costs[one] for one in stages[: stages.index(stage)])
        done = (before + share * self._costs[stage]) / sum(self._costs.values())
        self._progress(int(PARTS * done), PARTS, stage)
