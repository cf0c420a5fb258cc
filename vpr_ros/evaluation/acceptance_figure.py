# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Picture: precision over recall, and the probabilities that were stated against what came true."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vpr_ros.evaluation.figure_style import ACCENT_COLOUR, MAP_COLOUR, WRONG_COLOUR, new_figure, tidy
from vpr_ros.evaluation.metrics import curves
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.evaluation.precision_recall import PrecisionRecall
from vpr_ros.evaluation.reliability import ReliabilityBin, reliability


def acceptance_figure(outcomes: Outcomes) -> Figure:
    """Precision-recall curves by probability and similarity, and the reliability diagram."""
    figure = new_figure(10.0, 4.2)
    left, right = figure.subplots(1, 2)
    _draw_curves(left, curves(outcomes), outcomes)
    _draw_reliability(right, outcomes)
    return figure


def _draw_curves(axes: Axes, by_score: Mapping[str, PrecisionRecall], outcomes: Outcomes) -> None:
    for (name, curve), (colour, style) in zip(
        by_score.items(), ((ACCENT_COLOUR, "-"), (MAP_COLOUR, "--")), strict=True
    ):
        # Precision at recall 0 is drawn as that of the first accepted answers.
        recall = 100 * np.concatenate([[0.0], curve.recall])
        precision = 100 * np.concatenate([curve.precision[:1], curve.precision])
        label = f"accepted by {name}: AP {100 * curve.average_precision:.1f} %"
        axes.plot(recall[-len(precision) :], precision, color=colour, linestyle=style, label=label, linewidth=1.8)
    accepted, right = outcomes.accepted, outcomes.right
    answerable = int(outcomes.positives.answerable.sum())
    if accepted.any() and answerable:
        true = (accepted & right).sum()
        axes.plot(
            100 * true / answerable,
            100 * true / accepted.sum(),
            "o",
            color=WRONG_COLOUR,
            label="as published",
            zorder=5,
        )
    axes.set(xlim=(-1, 101), ylim=(-1, 103))
    axes.legend(fontsize=8, loc="lower left", frameon=False)
    tidy(axes, "Precision over recall", "recall of answerable queries (%)", "precision of accepted answers (%)")


def _draw_reliability(axes: Axes, outcomes: Outcomes) -> None:
    found = reliability(outcomes.probability, outcomes.right)
    rows = [row for row in found.bins if row.count]
    shares = np.array([row.share_right for row in rows])
    reach = np.array([row.share_right_interval or (0.0, 1.0) for row in rows]).reshape(-1, 2)
    axes.plot([0, 1], [0, 1], color=MAP_COLOUR, linewidth=1, linestyle="--", label="honest")
    axes.bar([_middle(row) for row in rows], shares, width=0.085, color=ACCENT_COLOUR, alpha=0.45)
    axes.errorbar(
        [row.mean_probability for row in rows],
        shares,
        yerr=np.maximum(np.abs(reach.T - shares), 0.0),
        fmt="o",
        markersize=3,
        capsize=3,
        linewidth=1.2,
        color=ACCENT_COLOUR,
        label="what came true, with its 95 % interval",
    )
    for row in rows:
        at = (_middle(row), 0.01)
        axes.annotate(str(row.count), at, ha="center", va="bottom", fontsize=7, color="black")
    axes.set(xlim=(0, 1), ylim=(0, 1.08))
    axes.legend(fontsize=8, loc="upper left", frameon=False)
    title = f"Reliability: calibration error {found.expected_calibration_error:.3f}"
    tidy(axes, title, "stated probability (number of queries in the bar)", "share that was right")


def _middle(row: ReliabilityBin) -> float:
    return (row.low + row.high) / 2
