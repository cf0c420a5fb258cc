# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which map frames answer a query: the ground truth every retrieval figure is counted against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
T = TypeVar("T")


def right_means(rule: str) -> str:
    """The one definition of a right answer, for offline and live reports: what they print beside their numbers.

    Args:
        rule: when a map frame is correct, such as "a map frame within 25 m".
    """
    return f"the best match is correct: {rule}"


@dataclass(frozen=True, eq=False)
class Positives:
    """The correct map frames of every query.

    Attributes:
        indices: per query an ascending (P_i,) int64 array of map indices; empty where no answer exists.
        rule: how they were found, one line for reports.
        same_scene: per query those at up to twice the distance, correct ones among them, None where nobody knows;
            None altogether where nobody knows any.
        scene_radius_m: how far a pose may be from the truth to be of its scene; None where that is no distance.
    """

    indices: tuple[IntArray, ...]
    rule: str
    same_scene: tuple[IntArray | None, ...] | None = None
    scene_radius_m: float | None = None

    @classmethod
    def from_lists(
        cls,
        lists: Iterable[Sequence[int] | npt.NDArray[np.integer]],
        rule: str,
        same_scene: Iterable[IntArray | None] | None = None,
    ) -> Positives:
        """Build from any sequences of map indices; they are sorted and made unique."""
        indices = tuple(np.unique(np.asarray(row, dtype=np.int64)) for row in lists)
        return cls(indices, rule, None if same_scene is None else tuple(same_scene))

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def answerable(self) -> BoolArray:
        """(Q,) bool: whether a correct map frame exists."""
        return np.array([row.size > 0 for row in self.indices], dtype=np.bool_)

    def correct(self, predictions: npt.NDArray[np.integer]) -> BoolArray:
        """Mark the correct predictions.

        Args:
            predictions: (Q, K) map indices, best first; -1 where a query has fewer than K predictions.

        Returns:
            (Q, K) bool.

        Raises:
            ValueError: the number of rows is not the number of queries.
        """
        if len(predictions) != len(self):
            raise ValueError(f"{len(predictions)} rows of predictions for {len(self)} queries")
        rows = [np.isin(row, right) for row, right in zip(predictions, self.indices, strict=True)]
        return np.array(rows, dtype=np.bool_).reshape(predictions.shape)

    def subset(self, keep: BoolArray) -> Positives:
        """Keep the queries marked in (Q,) *keep*."""

        def kept(rows: Iterable[T]) -> tuple[T, ...]:
            return tuple(row for row, is_kept in zip(rows, keep, strict=True) if is_kept)

        near = None if self.same_scene is None else kept(self.same_scene)
        return Positives(kept(self.indices), self.rule, near, self.scene_radius_m)
