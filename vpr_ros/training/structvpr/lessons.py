# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the ranking pass found, kept with the run: ranks, groups and weights, and the pairs that are watched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.csv_table import write_rows
from vpr_ros.training.structvpr.partition import DISJOINT, Partition
from vpr_ros.training.structvpr.ranks import IndexArray
from vpr_ros.training.structvpr.sample_weights import WeightArray, WeightRule, sample_weights

_RANKS = ("teacher_rank", "student_rank", "watched_teacher_rank", "watched_student_rank")


@dataclass(frozen=True, eq=False)
class Lessons:
    """Ranks of the training pairs by both branches, as the distillation began.

    Attributes:
        teacher_rank, student_rank: (Q,).
        watched_teacher_rank, watched_student_rank: (W,) of the watched queries among the watched images.
        teacher_sha256: of the teacher and what it looks at.
    """

    teacher_rank: IndexArray
    student_rank: IndexArray
    watched_teacher_rank: IndexArray
    watched_student_rank: IndexArray
    teacher_sha256: str

    def partition(self, threshold: int) -> Partition:
        """The groups of all pairs."""
        return Partition(self.teacher_rank, self.student_rank, threshold)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        ranks = {name: torch.from_numpy(getattr(self, name).copy()) for name in _RANKS}
        return {**ranks, "teacher_sha256": self.teacher_sha256}

    @classmethod
    def restored(cls, state: dict[str, Any], queries: int, teacher_sha256: str) -> Lessons:
        """Read a checkpoint's.

        Raises:
            TrainingError: of other training data, or of another teacher.
        """
        if state["teacher_sha256"] != teacher_sha256 or len(state["teacher_rank"]) != queries:
            raise TrainingError(
                f"the checkpoint ranks {len(state['teacher_rank'])} pairs by the teacher "
                f"{state['teacher_sha256'][:12]}, the recipe has {queries} and {teacher_sha256[:12]}",
                "Resume with the teacher, the labels and the training data of the run's config.yaml",
            )
        return cls(**{name: state[name].numpy() for name in _RANKS}, teacher_sha256=teacher_sha256)


@dataclass(frozen=True, eq=False)
class GradedPairs:
    """Lessons under a rule.

    Attributes:
        lessons: the ranks.
        rule: see ``WeightRule``.
    """

    lessons: Lessons
    rule: WeightRule

    @cached_property
    def partition(self) -> Partition:
        """The groups of all pairs."""
        return self.lessons.partition(self.rule.threshold)

    @cached_property
    def weights(self) -> WeightArray:
        """(Q,) of all pairs."""
        return sample_weights(self.partition, self.rule)

    @cached_property
    def numbers(self) -> npt.NDArray[np.uint8]:
        """(Q,) group of all pairs, see ``Partition.numbers``."""
        return self.partition.numbers

    def mean_weight(self, group: str) -> float:
        """Of the pairs of a group; NaN where it is empty."""
        inside = self.partition.members(group)
        return float(self.weights[inside].mean()) if inside.any() else float("nan")

    def write(self, path: Path, names: Sequence[str]) -> None:
        """A row per query: name, both ranks, group, weight.

        Raises:
            TrainingError: the disk refuses.
        """
        groups = ("", *DISJOINT)
        found = self.lessons
        rows = zip(names, found.teacher_rank, found.student_rank, self.numbers, self.weights, strict=True)
        write_rows(
            path,
            ("query", "teacher_rank", "student_rank", "group", "weight"),
            ((name, x, y, groups[number], f"{weight:.4f}") for name, x, y, number, weight in rows),
        )
