# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What comparing keypoints changed: recall before and after, and how far off poses are by the way they came."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.evaluation.pose_error import pose_errors, summarise_pose_errors
from vpr_ros.evaluation.recall import recall_at_n
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.result import PoseSource

SOURCES: tuple[PoseSource, ...] = ("geometric", "retrieved")


def verification_figures(outcomes: Outcomes) -> dict[str, Any] | None:
    """The figures of ``metrics.json``; None where no query was compared with its candidates by local features."""
    compared = [row.answer.was_compared for row in outcomes.rows]
    if not any(compared):
        return None
    before = recall_at_n(outcomes.retrieved, outcomes.positives)
    after = recall_at_n(outcomes.predictions, outcomes.positives)
    looked_at = [
        sum(match.geometry is not None for match in row.answer.matches)
        for row in outcomes.rows
        if row.answer.was_compared
    ]
    return {
        "compared": sum(compared),
        "candidates_compared": float(np.mean(looked_at)),
        "recall_at_before": {str(n): percent for n, percent in before.at.items()},
        "recall_at_after": {str(n): percent for n, percent in after.at.items()},
        "median_inliers": {
            "right": _median(outcomes.inliers[outcomes.right]),
            "wrong": _median(outcomes.inliers[~outcomes.right]),
        },
        "pose_error": {source: asdict(summarise_pose_errors(_errors(outcomes, source))) for source in SOURCES},
    }


def short_of_time(figures: dict[str, Any] | None, config: LocalizerConfig, map_frames: int) -> str | None:
    """A sentence where the time limit left candidates out: a faster machine then answers otherwise."""
    wanted = min(config.verify_candidates, config.top_k, map_frames)
    if figures is None or figures["candidates_compared"] >= wanted - 0.05:
        return None
    return (
        f"the time limit left {figures['candidates_compared']:.1f} of {wanted} candidates compared on average, for "
        f"this machine is slow or busy: --verify-time-ms above {config.verify_time_ms:g} shows what a faster one does"
    )


def _errors(outcomes: Outcomes, source: PoseSource) -> Any:
    """Of the answers whose pose came this way; the others count as outside of every bound."""
    poses = [row.answer_pose if row.answer.pose_source == source else None for row in outcomes.rows]
    return pose_errors(poses, outcomes.truths)


def _median(values: Any) -> float | None:
    return float(np.median(values)) if len(values) else None
