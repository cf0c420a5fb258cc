# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Recall@N, the field's first figure (docs/methods.md 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.evaluation.positives import Positives

RECALL_RANKS = (1, 5, 10, 20)


@dataclass(frozen=True)
class Recall:
    """Recall in percent for a set of queries.

    Attributes:
        at: rank N -> percent of ALL queries with a correct map frame among the first N; a query without any
            correct answer is a miss (docs/methods.md 5.1).
        at_answerable: the same over the queries that have an answer; NaN where none has.
        queries: how many queries there are.
        queries_without_answer: how many of them no map frame answers.
        hits: rank N -> queries answered; None where the recall is an expectation, not a count.
    """

    at: dict[int, float]
    at_answerable: dict[int, float]
    queries: int
    queries_without_answer: int
    hits: dict[int, int] | None = None


def recall_at_n(
    predictions: npt.NDArray[np.integer], positives: Positives, ranks: Sequence[int] = RECALL_RANKS
) -> Recall:
    """Count the queries answered within the first N predictions.

    Args:
        predictions: (Q, K) map indices, best first, -1 for none; ranks beyond K count what there is.
        positives: the correct map frames of the Q queries.
        ranks: the Ns.

    Raises:
        ValueError: no queries, or a rank below 1.
    """
    if not len(positives) or min(ranks) < 1:
        raise ValueError(f"recall needs queries and ranks from 1, found {len(positives)} queries, ranks {ranks}")
    correct = positives.correct(predictions)
    hits = {n: int(correct[:, :n].any(axis=1).sum()) for n in ranks}
    total, answerable = len(positives), int(positives.answerable.sum())
    return Recall(
        at={n: 100.0 * hit / total for n, hit in hits.items()},
        at_answerable={n: 100.0 * hit / answerable if answerable else float("nan") for n, hit in hits.items()},
        queries=total,
        queries_without_answer=total - answerable,
        hits=hits,
    )
