# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Training pairs by what teacher and student make of them (docs/methods.md 9.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError
from vpr_ros.training.structvpr.ranks import NO_RANK

IndexArray = npt.NDArray[np.int64]
MaskArray = npt.NDArray[np.bool_]

DISJOINT: Final = ("D1", "D2", "D3", "D4")
"""Every pair lies in one of them, numbered from 1."""
UNIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "S1": ("D1", "D2", "D3"),
    "S2": ("D4",),
    "all": DISJOINT,
}
"""The teacher finds the place, it does not, and both. R1 and R2, which go by the student's rank, cut through D4."""
BY_STUDENT: Final = ("R1", "R2")
GROUPS: Final = (*DISJOINT, *UNIONS, *BY_STUDENT)


@dataclass(frozen=True, eq=False)
class Partition:
    """Who finds what.

    Attributes:
        teacher_rank, student_rank: (Q,) rank of the best right image, ``NO_RANK`` where there is none.
        threshold: a branch is good where its rank is at most this (N_t).

    Raises:
        ConfigError: a threshold below 1.
    """

    teacher_rank: IndexArray
    student_rank: IndexArray
    threshold: int

    def __post_init__(self) -> None:
        if self.threshold < 1:
            raise ConfigError(f"a rank threshold of {self.threshold}", "Ranks count from 1: 10 is the default")

    @property
    def ranked(self) -> MaskArray:
        """(Q,) which queries have a right image at all; the others are in no group."""
        known: MaskArray = (self.teacher_rank != NO_RANK) & (self.student_rank != NO_RANK)
        return known

    @property
    def numbers(self) -> npt.NDArray[np.uint8]:
        """(Q,) 1 to 4 for D1 to D4, 0 for what is in no group."""
        numbers = np.zeros(len(self.teacher_rank), dtype=np.uint8)
        for number, name in enumerate(DISJOINT, 1):
            numbers[self.members(name)] = number
        return numbers

    def members(self, group: str) -> MaskArray:
        """(Q,) which pairs are in *group*.

        Raises:
            ConfigError: no such group.
        """
        taught, known = self.teacher_rank <= self.threshold, self.student_rank <= self.threshold
        if group == "D1":
            inside = taught & ~known
        elif group == "D2":
            inside = taught & known & (self.teacher_rank <= self.student_rank)
        elif group == "D3":
            inside = taught & known & (self.student_rank < self.teacher_rank)
        elif group == "D4":
            inside = ~taught
        elif group in BY_STUDENT:
            inside = known if group == "R1" else ~known
        elif group in UNIONS:
            inside = np.logical_or.reduce([self.members(part) for part in UNIONS[group]])
        else:
            raise ConfigError(f"unknown group {group!r} of training pairs", f"Known ones are {', '.join(GROUPS)}")
        return np.asarray(inside & self.ranked)

    def share(self, group: str) -> float:
        """How much of all ranked pairs is in *group*, 0 to 1."""
        return float(self.members(group).sum() / max(1, int(self.ranked.sum())))
