# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Queries from elsewhere: how many a robot would believe, and which evidence tells them from right answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from vpr_ros.core.frames import FrameSource
from vpr_ros.core.pose import FloatArray
from vpr_ros.evaluation.binomial import percent_interval
from vpr_ros.evaluation.ground_truth import GroundTruth
from vpr_ros.evaluation.outcome import Outcomes, QueryOutcome
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.query_list import QueryList, list_queries
from vpr_ros.evaluation.run import run_queries
from vpr_ros.localization import Localizer, RejectionType
from vpr_ros.maps import PlaceMap

RULE = "none, for the queries are from elsewhere"
QUANTILES = {"median": 0.5, "p99": 0.99}


def ask_off_map(
    localizer: Localizer,
    place_map: PlaceMap,
    elsewhere: Sequence[FrameSource],
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcomes | None:
    """Localize every image of *elsewhere*, none of which shows a place of the map; None where there is no such source.

    Args:
        localizer: what the robot runs.
        place_map: what it asks.
        elsewhere: recordings of other places; their poses are of no interest.
        limit: the first so many of each.
        progress: called with (done, total) of each.

    Raises:
        ModelError, SourceError: see ``run_queries``.
    """
    rows: list[QueryOutcome] = []
    for source in elsewhere:
        nothing_right = _nothing_right(source, place_map, limit)
        rows += run_queries(localizer, source, nothing_right, pictures=0, progress=progress).outcomes.rows
    return Outcomes(rows, _none_right(len(rows))) if rows else None


def off_map_figures(outcomes: Outcomes, off_map: Outcomes) -> dict[str, Any]:
    """The figures of ``metrics.json``.

    Args:
        outcomes: of the queries at places of the map.
        off_map: of those from elsewhere.
    """
    accepted, count = int(off_map.accepted.sum()), len(off_map)
    refuted = [row.answer.rejection for row in off_map.rows if row.answer.rejection is not None]
    compared = any(row.answer.was_compared for row in off_map.rows)
    evidence = {"probability": (outcomes.probability, off_map.probability)}
    evidence["similarity"] = (outcomes.similarity, off_map.similarity)
    if compared:
        evidence["inliers"] = (outcomes.inliers, off_map.inliers)
    return {
        "queries": count,
        "accepted": accepted,
        "accepted_share": 100.0 * accepted / count,
        "accepted_share_interval": percent_interval(accepted, count),
        "like_their_match": off_map.like_their_match,
        "refuted": sum(rejection.type is RejectionType.REFUTED for rejection in refuted),
        "inliers": {name: _quantile(off_map.inliers, share) for name, share in QUANTILES.items()} if compared else None,
        "auroc": {name: auroc(inside[outcomes.right], outside) for name, (inside, outside) in evidence.items()},
    }


def auroc(right: FloatArray, wrong: FloatArray) -> float | None:
    """Probability that one of (R,) scores is above one of (W,), ties half (Mann and Whitney 1947); None without any."""
    right, wrong = right[np.isfinite(right)], wrong[np.isfinite(wrong)]
    if not len(right) or not len(wrong):
        return None
    ranks = rankdata(np.concatenate([right, wrong]))[: len(right)]
    above = float(ranks.sum()) - len(right) * (len(right) + 1) / 2
    return above / (len(right) * len(wrong))


def _nothing_right(source: FrameSource, place_map: PlaceMap, limit: int | None) -> GroundTruth:
    names = list_queries(source, place_map, needs_poses=False, limit=limit).names
    everybody = np.ones(len(names), dtype=np.bool_)
    return GroundTruth(QueryList(names, (None,) * len(names)), _none_right(len(names)), everybody)


def _none_right(queries: int) -> Positives:
    """Of no query is any map frame correct, nor nearly so."""
    nothing = np.empty(0, np.int64)
    return Positives.from_lists([nothing] * queries, RULE, [nothing] * queries)


def _quantile(values: FloatArray, share: float) -> float:
    return float(np.quantile(values, share))
