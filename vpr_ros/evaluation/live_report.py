# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a listener saw of a running localizer, beside the ground truth: numbers and a picture.

An answer is right by the definition of ``evaluate``: its best match lies within the threshold of the ground truth. How
precise the published pose is, is another question, answered by its error in metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.answer_kind import AnswerKind, count_of
from vpr_ros.evaluation.binomial import count_text, interval_text, percent_interval
from vpr_ros.evaluation.figure_style import (
    ACCENT_COLOUR,
    MAP_COLOUR,
    NEAR_COLOUR,
    RIGHT_COLOUR,
    WRONG_COLOUR,
    new_figure,
    save,
    tidy,
)
from vpr_ros.evaluation.positives import right_means
from vpr_ros.evaluation.positives_by_distance import PoseThreshold

LONGEST_LATENCY_MS = 60_000.0
KINDS_SHOWN = (
    (AnswerKind.RIGHT, RIGHT_COLOUR, "answer right"),
    (AnswerKind.NEAR_MISS, NEAR_COLOUR, "near miss"),
    (AnswerKind.WRONG_PLACE, WRONG_COLOUR, "wrong place"),
)


@dataclass(frozen=True, eq=False)
class LiveAnswer:
    """A published pose.

    Attributes:
        T_map_base: where the robot is said to be.
        covariance: (6, 6), x y z roll pitch yaw.
    """

    T_map_base: Pose
    covariance: npt.NDArray[np.float64]


@dataclass(eq=False)
class LiveLog:
    """Everything heard, by the image's time in nanoseconds.

    Attributes:
        truth: ground truth, where the robot really was.
        best_match: pose the most similar map frame gives, accepted or not; None where nothing matched.
        published: accepted poses.
        rejected: type of rejection -> count, as the node last gave it on /diagnostics, since it was activated.
        decisions: what became of the images -> count, as the node said of each on ~/status while somebody listened.
        latency_ms: from the image's stamp to the arrival of its answer.
        map_xy_m: (N, 2) the map's frames.
    """

    truth: dict[int, Pose] = field(default_factory=dict)
    best_match: dict[int, Pose | None] = field(default_factory=dict)
    published: dict[int, LiveAnswer] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    decisions: dict[str, int] = field(default_factory=dict)
    latency_ms: dict[int, float] = field(default_factory=dict)
    map_xy_m: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))


def answer_kinds(log: LiveLog, threshold: PoseThreshold) -> dict[int, AnswerKind]:
    """By stamp, for every answer whose ground truth is known: what it is. See ``PoseThreshold.admits``."""
    return {
        stamp: _kind(match, log.truth[stamp], threshold)
        for stamp, match in log.best_match.items()
        if stamp in log.truth
    }


def _kind(match: Pose | None, truth: Pose, threshold: PoseThreshold) -> AnswerKind:
    if match is None:
        return AnswerKind.NOTHING
    if threshold.admits(match, truth):
        return AnswerKind.RIGHT
    return AnswerKind.NEAR_MISS if threshold.twice.admits(match, truth) else AnswerKind.WRONG_PLACE


def summary_lines(log: LiveLog, threshold: PoseThreshold) -> list[str]:
    """The log in a few lines.

    Raises:
        SourceError: no answer had a ground truth of the same time.
    """
    kinds = answer_kinds(log, threshold)
    if not kinds:
        raise SourceError(
            f"{len(log.best_match)} answers and {len(log.truth)} ground truths, none of the same time",
            "Start watch before the player, with --ros-args -r ground_truth:=/play/ground_truth (or /simulate/...)",
        )
    accepted = [stamp for stamp in log.published if stamp in kinds]
    published = [kinds[stamp] for stamp in accepted]
    right, hits = count_of(published, AnswerKind.RIGHT), count_of([*kinds.values()], AnswerKind.RIGHT)
    interval = interval_text(percent_interval(hits, len(kinds)))
    lines = [
        f"images answered    {len(kinds)} of {len(log.truth)} played",
        f"recall@1           {100 * hits / len(kinds):.1f} % (95 % interval {interval})",
        f"accepted           {len(accepted)}, {len(accepted) - right} of them wrong; "
        f"rejected {len(kinds) - len(accepted)}",
        *_errors(published, threshold),
        f"right ones kept    {count_text(right, hits)}",
        *_rejected_by_type(log),
        *_by_status(log),
        f"right means        {right_means(threshold.rule)}",
    ]
    errors_m = [log.published[stamp].T_map_base.distance_m(log.truth[stamp]) for stamp in accepted]
    if errors_m:
        median_m, p90_m = np.median(errors_m), np.quantile(errors_m, 0.9)
        lines.append(f"position error     median {median_m:.2f} m, p90 {p90_m:.2f} m, of what was accepted")
    latency = [ms for ms in log.latency_ms.values() if 0 <= ms < LONGEST_LATENCY_MS]
    if latency:
        lines.append(f"image to answer    p50 {np.median(latency):.0f} ms, p95 {np.quantile(latency, 0.95):.0f} ms")
    return lines


def _errors(published: Sequence[AnswerKind], threshold: PoseThreshold) -> list[str]:
    """The two kinds of error, each with its exact 95 % interval; nothing where nothing was accepted."""
    if not published:
        return []
    near, elsewhere = (count_of(published, kind) for kind in (AnswerKind.NEAR_MISS, AnswerKind.WRONG_PLACE))
    return [
        f"near misses        {count_text(near, len(published))}, {threshold.twice}",
        f"wrong places       {count_text(elsewhere, len(published))}, farther away",
    ]


def _rejected_by_type(log: LiveLog) -> list[str]:
    counts = ", ".join(f"{name} {count}" for name, count in log.rejected.items() if count)
    return [f"rejected by type   {counts}, as the node counts since it was activated"] if counts else []


def _by_status(log: LiveLog) -> list[str]:
    counts = ", ".join(f"{name} {count}" for name, count in sorted(log.decisions.items()))
    return [f"images by status   {counts}"] if counts else []


def write_picture(log: LiveLog, threshold: PoseThreshold, path: Path) -> None:
    """Draw map, true drive and published poses, those of right answers, near misses and wrong places apart."""
    judged = answer_kinds(log, threshold)
    figure = new_figure(7.0, 6.0)
    axes = figure.add_subplot()
    axes.scatter(*_xy(log.map_xy_m), s=14, color=MAP_COLOUR, label="map", zorder=1)
    truth = np.array([log.truth[stamp].position_m[:2] for stamp in sorted(log.truth)]).reshape(-1, 2)
    axes.plot(*_xy(truth), color=ACCENT_COLOUR, linewidth=1.2, label="true drive", zorder=2)
    for kind, colour, label in KINDS_SHOWN:
        shown = [
            (answer.T_map_base.position_m, log.truth[stamp].position_m)
            for stamp, answer in log.published.items()
            if judged.get(stamp) is kind
        ]
        for pose_m, truth_m in shown:
            axes.plot([pose_m[0], truth_m[0]], [pose_m[1], truth_m[1]], color=colour, linewidth=0.7, zorder=3)
        points = np.array([pose_m[:2] for pose_m, _ in shown]).reshape(-1, 2)
        axes.scatter(*_xy(points), s=16, color=colour, label=f"{label} ({len(shown)})", zorder=4)
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(fontsize=8, frameon=False)
    tidy(axes, "Poses published while driving", "x in the map (m)", "y in the map (m)")
    save(figure, path)


def _xy(points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return points[:, 0], points[:, 1]
