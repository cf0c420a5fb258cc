# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How much a robot can answer at which precision, as its acceptance threshold moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import FloatArray
from vpr_ros.evaluation.positives import BoolArray


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """One point per distinct score: "accept every query that scores at least this".

    Attributes:
        threshold: (T,) descending scores.
        precision: (T,) right answers among the accepted ones, 0..1.
        recall: (T,) right answers among the queries that have an answer, 0..1.
        average_precision: the sum of precision x recall step, 0..1.
        recall_at_100_precision: the largest recall at which no wrong answer is accepted, 0..1.
    """

    threshold: FloatArray
    precision: FloatArray
    recall: FloatArray
    average_precision: float
    recall_at_100_precision: float


def precision_recall(scores: npt.NDArray[np.floating], right: BoolArray, answerable: int) -> PrecisionRecall:
    """Sweep the acceptance threshold over the scores.

    A query without a correct answer is never right, so accepting it is a false positive. Queries with equal scores are
    accepted together: no threshold can part them.

    Args:
        scores: (Q,) larger = surer; NaN where the query gave no answer: never accepted.
        right: (Q,) whether the best match is correct.
        answerable: how many queries have a correct answer, the denominator of recall.

    Raises:
        ValueError: more right answers than answerable queries.
    """
    if int(right.sum()) > answerable:
        raise ValueError(f"{int(right.sum())} right answers, but only {answerable} queries have one")
    scored = np.isfinite(scores)
    order = np.argsort(-scores[scored], kind="stable")
    ordered, hits = np.asarray(scores[scored], dtype=np.float64)[order], right[scored][order]
    last_of_tie = np.append(np.diff(ordered) != 0, True)[: len(ordered)]
    true_positives = np.cumsum(hits)[last_of_tie]
    accepted = np.arange(1, len(ordered) + 1)[last_of_tie]
    precision = true_positives / accepted
    recall = true_positives / answerable if answerable else np.zeros(len(accepted))
    faultless = recall[true_positives == accepted]
    return PrecisionRecall(
        threshold=ordered[last_of_tie],
        precision=precision,
        recall=recall,
        average_precision=float(np.sum(precision * np.diff(recall, prepend=0.0))),
        recall_at_100_precision=float(faultless.max(initial=0.0)),
    )
