"""What a listener saw of a running localizer, beside the truth: numbers and a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.figure_style import (
    ACCENT_COLOUR,
    MAP_COLOUR,
    RIGHT_COLOUR,
    WRONG_COLOUR,
    new_figure,
    save,
    tidy,
)

LONGEST_LATENCY_MS = 60_000.0


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
        truth: where the robot really was.
        best_match: position of the most similar map frame, accepted or not.
        published: accepted poses.
        latency_ms: from the image's stamp to the arrival of its answer.
        map_xy_m: (N, 2) the map's frames.
    """

    truth: dict[int, Pose] = field(default_factory=dict)
    best_match: dict[int, Pose] = field(default_factory=dict)
    published: dict[int, LiveAnswer] = field(default_factory=dict)
    latency_ms: dict[int, float] = field(default_factory=dict)
    map_xy_m: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))


def summary_lines(log: LiveLog, radius_m: float) -> list[str]:
    """The log in a few lines.

    Raises:
        SourceError: no answer had a ground truth of the same time.
    """
    match_error_m = _errors_m(log.best_match, log.truth)
    if not match_error_m:
        raise SourceError(
            f"{len(log.best_match)} answers and {len(log.truth)} ground truths, none of the same time",
            "Start watch before the player, and remap ground_truth to the player's topic",
        )
    accepted_m = _errors_m({stamp: answer.T_map_base for stamp, answer in log.published.items()}, log.truth)
    right = sum(error <= radius_m for error in match_error_m)
    lines = [
        f"images answered    {len(match_error_m)} of {len(log.truth)} played",
        f"recall@1           {100 * right / len(match_error_m):.1f} % (within {radius_m:g} m)",
        f"accepted           {len(accepted_m)}, rejected {len(match_error_m) - len(accepted_m)}",
    ]
    if accepted_m:
        within = 100 * float(np.mean(np.array(accepted_m) <= radius_m))
        lines.append(
            f"position error     median {np.median(accepted_m):.2f} m, p90 {np.quantile(accepted_m, 0.9):.2f} m"
        )
        lines.append(f"accepted and right {within:.1f} % (within {radius_m:g} m)")
    latency = [ms for ms in log.latency_ms.values() if 0 <= ms < LONGEST_LATENCY_MS]
    if latency:
        lines.append(f"image to answer    p50 {np.median(latency):.0f} ms, p95 {np.quantile(latency, 0.95):.0f} ms")
    return lines


def write_picture(log: LiveLog, radius_m: float, path: Path) -> None:
    """Draw map, true drive and published poses, right and wrong ones apart."""
    figure = new_figure(7.0, 6.0)
    axes = figure.add_subplot()
    axes.scatter(*_xy(log.map_xy_m), s=14, color=MAP_COLOUR, label="map", zorder=1)
    truth = np.array([log.truth[stamp].position_m[:2] for stamp in sorted(log.truth)]).reshape(-1, 2)
    axes.plot(*_xy(truth), color=ACCENT_COLOUR, linewidth=1.2, label="true drive", zorder=2)
    for right, colour, label in ((True, RIGHT_COLOUR, "pose, right"), (False, WRONG_COLOUR, "pose, wrong")):
        shown = [
            (answer.T_map_base.position_m, log.truth[stamp].position_m)
            for stamp, answer in log.published.items()
            if stamp in log.truth and (answer.T_map_base.distance_m(log.truth[stamp]) <= radius_m) == right
        ]
        for pose_m, truth_m in shown:
            axes.plot([pose_m[0], truth_m[0]], [pose_m[1], truth_m[1]], color=colour, linewidth=0.7, zorder=3)
        points = np.array([pose_m[:2] for pose_m, _ in shown]).reshape(-1, 2)
        axes.scatter(*_xy(points), s=16, color=colour, label=f"{label} ({len(shown)})", zorder=4)
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(fontsize=8, frameon=False)
    tidy(axes, "Poses published while driving", "x in the map (m)", "y in the map (m)")
    save(figure, path)


def _errors_m(answers: dict[int, Pose], truth: dict[int, Pose]) -> list[float]:
    return [pose.distance_m(truth[stamp]) for stamp, pose in answers.items() if stamp in truth]


def _xy(points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return points[:, 0], points[:, 1]
