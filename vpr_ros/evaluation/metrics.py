# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``metrics.json``: every figure of an evaluation, for scripts and for comparisons between models.

Shares, recalls and their 95 % intervals are percent, probabilities 0..1, distances metres, angles degrees, times
milliseconds; a figure that is not known (no poses, no orientation, nothing accepted) is null. docs/evaluation.md
describes every key.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from vpr_ros.core.frames import EXACT, PositionSigma
from vpr_ros.evaluation.accepted import accepted_figures
from vpr_ros.evaluation.answer_kind import AnswerKind
from vpr_ros.evaluation.binomial import Interval, percent_interval
from vpr_ros.evaluation.consistency import position_nees, summarise_nees
from vpr_ros.evaluation.consistency_figures import consistency_figures
from vpr_ros.evaluation.latency import latency_quantiles_ms
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.evaluation.pose_error import summarise_pose_errors
from vpr_ros.evaluation.positives import right_means
from vpr_ros.evaluation.precision_recall import PrecisionRecall, precision_recall
from vpr_ros.evaluation.recall import Recall, recall_at_n
from vpr_ros.evaluation.reliability import reliability
from vpr_ros.evaluation.verification import verification_figures
from vpr_ros.localization import Rejection
from vpr_ros.localization.sentences import rejection_words

METRICS_FORMAT = "vpr_ros evaluation"
METRICS_VERSION = 1

Metrics = dict[str, Any]


def compute_metrics(
    outcomes: Outcomes, baselines: Mapping[str, Recall] | None = None, of_truth: PositionSigma = EXACT
) -> Metrics:
    """All figures of *outcomes*, ready for JSON.

    Args:
        outcomes: the table.
        baselines: recall of other rankings on the same queries, by name.
        of_truth: see ``consistency_figures``.
    """
    recall = recall_at_n(outcomes.predictions, outcomes.positives)
    answer = summarise_pose_errors(outcomes.answer_errors)
    metrics: Metrics = {
        "format": METRICS_FORMAT,
        "version": METRICS_VERSION,
        **recall_figures(recall),
        "correct_means": outcomes.positives.rule,
        "right_means": right_means(outcomes.positives.rule),
        "translation_error_m": answer.translation_m,
        "rotation_error_deg": answer.rotation_deg,
        "pose_error": {
            "answer": asdict(answer),
            "top1": asdict(summarise_pose_errors(outcomes.top1_errors)),
            "published": asdict(summarise_pose_errors(outcomes.published_errors)),
        },
        **_acceptance(outcomes),
        "calibration": asdict(reliability(outcomes.probability, outcomes.right)),
        "nees": _nees(outcomes),
        "consistency": consistency_figures(outcomes, of_truth),
        "verification": verification_figures(outcomes),
        "latency_ms": latency_quantiles_ms(
            [{"decode": row.decode_ms, **row.answer.timings_ms} for row in outcomes.rows]
        ),
        "baselines": {name: recall_figures(other) for name, other in (baselines or {}).items()},
    }
    return json_ready(metrics)  # type: ignore[no-any-return]


def curves(outcomes: Outcomes) -> dict[str, PrecisionRecall]:
    """The acceptance sweeps: by stated probability, and by similarity of the best match."""
    answerable = int(outcomes.positives.answerable.sum())
    scores = {"probability": outcomes.probability, "similarity": outcomes.similarity}
    return {name: precision_recall(score, outcomes.right, answerable) for name, score in scores.items()}


def recall_figures(recall: Recall) -> dict[str, Any]:
    """The keys of ``metrics.json`` that a plain retrieval has as well."""
    return {
        "recall_at": {str(n): value for n, value in recall.at.items()},
        "recall_at_answerable": {str(n): value for n, value in recall.at_answerable.items()},
        "queries": recall.queries,
        "queries_without_answer": recall.queries_without_answer,
        "recall_at_interval": _intervals(recall, recall.queries),
        "recall_at_answerable_interval": _intervals(recall, recall.queries - recall.queries_without_answer),
    }


def _intervals(recall: Recall, trials: int) -> dict[str, Interval | None] | None:
    """Rank -> 95 % interval of its recall; None for what was not counted."""
    hits = recall.hits
    return None if hits is None else {str(n): percent_interval(count, trials) for n, count in hits.items()}


def json_ready(value: Any) -> Any:
    """Replace what JSON cannot say: numbers that are not finite become null, numpy becomes Python."""
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [json_ready(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _acceptance(outcomes: Outcomes) -> dict[str, Any]:
    """What was published, and what other thresholds would have published."""
    by_score = curves(outcomes)
    return {
        "recall_at_100_precision": 100.0 * by_score["probability"].recall_at_100_precision,
        "recall_at_100_precision_by_similarity": 100.0 * by_score["similarity"].recall_at_100_precision,
        "average_precision": 100.0 * by_score["probability"].average_precision,
        "average_precision_by_similarity": 100.0 * by_score["similarity"].average_precision,
        "accepted": accepted_figures(outcomes),
        **_rejections([row.answer.rejection for row in outcomes.rows if row.answer.rejection is not None]),
    }


def _rejections(rejections: Sequence[Rejection]) -> dict[str, Any]:
    """How many of each type, and of each type's words, the most frequent first."""
    by_type = Counter(rejection.type.value for rejection in rejections)
    by_words = Counter((rejection.type.value, rejection_words(rejection)) for rejection in rejections)
    return {
        "rejected": dict(by_type.most_common()),
        "rejections": [
            {"type": name, "reason": words, "count": count} for (name, words), count in by_words.most_common()
        ],
    }


def _nees(outcomes: Outcomes) -> dict[str, Any]:
    """Consistency of the published covariances: of all, of right ones, and of near misses, which must be inside."""
    known = [
        (row.estimate, row.answer.covariance, row.truth, kind)
        for row, kind in zip(outcomes.rows, outcomes.kinds, strict=True)
        if row.answer.accepted
        and row.estimate is not None
        and row.answer.covariance is not None
        and row.truth is not None
    ]
    summaries: dict[str, Any] = {}
    groups = {"published": known}
    for name, kind in (("right", AnswerKind.RIGHT), ("near_misses", AnswerKind.NEAR_MISS)):
        groups[f"published_{name}"] = [row for row in known if row[3] is kind]
    for name, rows in groups.items():
        for axes, label in ((2, "xy"), (3, "xyz")):
            nees = position_nees([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], axes)
            summary = summarise_nees(nees, axes)
            summaries[f"{name}_{label}"] = None if summary is None else asdict(summary)
    return summaries
