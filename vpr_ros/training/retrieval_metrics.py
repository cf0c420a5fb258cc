# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``metrics.json`` of descriptors searched plainly: the keys ``evaluate`` writes, whatever made the descriptors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vpr_ros.core.model_info import DescriptorArray
from vpr_ros.evaluation.latency import latency_quantiles_ms
from vpr_ros.evaluation.metrics import METRICS_FORMAT, METRICS_VERSION, Metrics, json_ready, recall_figures
from vpr_ros.evaluation.positives import Positives, right_means
from vpr_ros.evaluation.precision_recall import precision_recall
from vpr_ros.evaluation.recall import RECALL_RANKS, recall_at_n
from vpr_ros.evaluation.retrieval import nearest


def retrieval_metrics(
    database: DescriptorArray, queries: DescriptorArray, positives: Positives, infer_ms: Sequence[float]
) -> Metrics:
    """What is known without a map: recall, precision by similarity, time of the network.

    Args:
        database, queries: (N, D) and (Q, D), rows of unit length.
        positives: of the queries.
        infer_ms: times of single images through the network.

    Returns:
        The keys of ``evaluate``'s ``metrics.json``; what needs poses or stated probabilities is null.
    """
    found = nearest(database, queries, max(RECALL_RANKS))
    similarity = np.einsum("qd,qd->q", queries, database[found[:, 0]])
    right = positives.correct(found[:, :1])[:, 0]
    curve = precision_recall(similarity, right, int(positives.answerable.sum()))
    unknown = {"median": None, "p90": None}
    metrics: Metrics = json_ready(
        {
            "format": METRICS_FORMAT,
            "version": METRICS_VERSION,
            **recall_figures(recall_at_n(found, positives, RECALL_RANKS)),
            "correct_means": positives.rule,
            "right_means": right_means(positives.rule),
            "translation_error_m": unknown,
            "rotation_error_deg": unknown,
            "recall_at_100_precision": None,
            "recall_at_100_precision_by_similarity": 100.0 * curve.recall_at_100_precision,
            "average_precision": None,
            "average_precision_by_similarity": 100.0 * curve.average_precision,
            "latency_ms": latency_quantiles_ms([{"infer": ms} for ms in infer_ms]),
        }
    )
    return metrics
