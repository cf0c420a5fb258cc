# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How much each training pair counts in the distillation (docs/methods.md 9.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError
from vpr_ros.training.structvpr.partition import GROUPS, IndexArray, Partition

WeightArray = npt.NDArray[np.float32]
LARGEST_WEIGHT = 3.0


@dataclass(frozen=True)
class WeightRule:
    """Which pairs are distilled, and how much each counts.

    Attributes:
        group: pairs outside count nothing: D1 to D4, S1, S2, R1, R2 or all.
        by_rank: the better the teacher and the larger its lead the more (``rank_weight``); else all the same.
        threshold: N_t.

    Raises:
        ConfigError: no such group, or a threshold below 1.
    """

    group: str = "S1"
    by_rank: bool = True
    threshold: int = 10

    def __post_init__(self) -> None:
        if self.group not in GROUPS or self.threshold < 1:
            raise ConfigError(
                f"distillation of the group {self.group!r} with a rank threshold of {self.threshold}",
                f"Name one of {', '.join(GROUPS)} and a threshold of at least 1",
            )


def rank_weight(teacher_rank: IndexArray, student_rank: IndexArray, threshold: int) -> npt.NDArray[np.float64]:
    """``(1 - ln x / ln(N_t + 1)) (1 + ln max(y / x, 1))`` where x <= N_t, else 0; at most 3.

    The first factor falls with the teacher's rank x, the second grows with its lead over the student's rank y.
    """
    x = np.maximum(teacher_rank, 1).astype(np.float64)
    lead = np.log(np.maximum(np.maximum(student_rank, 1) / x, 1.0))
    weight = (1.0 - np.log(x) / np.log(threshold + 1.0)) * (1.0 + lead)
    return np.where(x <= threshold, np.clip(weight, 0.0, LARGEST_WEIGHT), 0.0)


def sample_weights(partition: Partition, rule: WeightRule) -> WeightArray:
    """(Q,) weights, 1 on average over the pairs of the rule's group and 0 elsewhere; all 0 where the group is empty."""
    inside = partition.members(rule.group)
    if rule.by_rank:
        weight = rank_weight(partition.teacher_rank, partition.student_rank, partition.threshold) * inside
    else:
        weight = inside.astype(np.float64)
    total = weight.sum()
    if total > 0:
        weight *= inside.sum() / total
    return weight.astype(np.float32)


def said_if_nothing_is_distilled(partition: Partition, rule: WeightRule) -> str | None:
    """What happens where no pair counts, in one line; None where some do."""
    if sample_weights(partition, rule).any():
        return None
    shares = ", ".join(f"{name} {100 * partition.share(name):.1f} %" for name in ("D1", "D2", "D3", "D4"))
    return (
        f"none of {int(partition.ranked.sum())} training pairs counts in group {rule.group} ({shares}): nothing is "
        "distilled, training goes on with the place recognition loss alone"
    )


def said_if_the_student_knows_better(partition: Partition) -> str | None:
    """What to expect where the teacher has little to say, in one line; None where it has."""
    better, worse = partition.share("D1"), partition.share("D3")
    if worse <= better:
        return None
    return (
        f"the student ranks {100 * worse:.1f} % of the training pairs better than its teacher, which knows "
        f"{100 * better:.1f} % that the student does not: distilling may cost more than it gives, compare it with a "
        "run of distillation 0"
    )
