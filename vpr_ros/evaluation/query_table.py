# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``queries.csv``: one line per query, for pandas or a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.localization import Localization
from vpr_ros.localization.sentences import answer_sentence

QUERY_COLUMNS = (
    "query",
    "stamp_ns",
    "camera",
    "answerable",
    "right",
    "accepted",
    "rejection",
    "reason",
    "top1",
    "top1_index",
    "similarity",
    "probability",
    "rank_of_first_correct",
    "translation_error_m",
    "rotation_error_deg",
    "top1_translation_error_m",
    "top1_rotation_error_deg",
    "pose_source",
    "inliers",
    "inlier_share",
    "coverage",
    "pose_deviation_m",
    "retrieved_rank",
    "kind",
)


def write_query_table(path: Path, outcomes: Outcomes) -> None:
    """Write the table; what is not known stays empty. ``rank_of_first_correct`` counts from 1."""
    correct = outcomes.positives.correct(outcomes.predictions)
    # A name may hold bytes that are no text; they are written as their numbers.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(QUERY_COLUMNS)
        for number, row in enumerate(outcomes.rows):
            best = row.answer.matches[0] if row.answer.matches else None
            ranks = np.flatnonzero(correct[number])
            writer.writerow(
                [
                    row.name,
                    row.answer.stamp_ns,
                    row.answer.camera,
                    int(outcomes.positives.indices[number].size > 0),
                    int(outcomes.right[number]),
                    int(row.answer.accepted),
                    row.answer.rejection.type.value if row.answer.rejection else "",
                    answer_sentence(row.answer),
                    best.name if best else "",
                    best.frame_index if best else "",
                    f"{best.similarity:.6f}" if best else "",
                    f"{row.answer.probability:.6f}",
                    int(ranks[0]) + 1 if ranks.size else "",
                    _number(outcomes.answer_errors.translation_m[number]),
                    _number(np.rad2deg(outcomes.answer_errors.rotation_rad[number])),
                    _number(outcomes.top1_errors.translation_m[number]),
                    _number(np.rad2deg(outcomes.top1_errors.rotation_rad[number])),
                    *_geometry(row.answer),
                    outcomes.kinds[number].value,
                ]
            )


def _geometry(answer: Localization) -> list[object]:
    """What keypoints say of the answer; nothing where nobody looked."""
    if not answer.was_compared:
        return [""] * 6
    best, pose = answer.matches[0], answer.geometric
    seen = best.geometry
    return [
        answer.pose_source,
        answer.inliers,
        _number(seen.share) if seen else "",
        _number(pose.coverage if pose else seen.coverage if seen else np.nan),
        _number(pose.deviation_m) if pose else "",
        best.retrieved_rank,
    ]


def _number(value: float) -> str:
    return f"{value:.6f}" if np.isfinite(value) else ""
