# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Picture: where the right and the wrong matches are, on the ground or, without poses, along the recording."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from vpr_ros.core.pose import FloatArray
from vpr_ros.evaluation.figure_style import MAP_COLOUR, RIGHT_COLOUR, WRONG_COLOUR, new_figure, tidy
from vpr_ros.evaluation.ground_truth import pose_arrays
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.evaluation.positives import BoolArray

BAND_COLOUR = "#d6e4f0"
UNANSWERABLE_COLOUR = "#7570b3"


def place_figure(outcomes: Outcomes, map_position_m: FloatArray) -> Figure:
    """Draw the trajectory where query poses are known, and the match of every query over the map's frames.

    Args:
        outcomes: the table.
        map_position_m: (N, 3).
    """
    position_m, _ = pose_arrays(outcomes.truths)
    known = np.asarray(np.isfinite(position_m).all(axis=1))
    figure = new_figure(10.0 if known.any() else 6.5, 4.8)
    axes = figure.subplots(1, 2 if known.any() else 1, squeeze=False)[0]
    if known.any():
        _draw_ground(axes[0], outcomes, map_position_m, position_m, known)
    _draw_sequence(axes[-1], outcomes, len(map_position_m))
    return figure


def _draw_ground(
    axes: Axes,
    outcomes: Outcomes,
    map_m: FloatArray,
    query_m: FloatArray,
    known: BoolArray,
) -> None:
    """Plan view on the two axes in which the map extends furthest (a hand-held camera's z may point ahead)."""
    first, second = sorted(np.argsort(-np.ptp(map_m, axis=0), kind="stable")[:2].tolist())
    plane = [first, second]
    axes.plot(*map_m[:, plane].T, ".", color=MAP_COLOUR, markersize=3, label="map frames", zorder=1)
    matched = known & (outcomes.predictions[:, 0] >= 0)
    for members, colour, label in _classes(outcomes):
        rows = np.flatnonzero(known & members)
        lines = np.flatnonzero(matched & members)
        ends_m = map_m[outcomes.predictions[lines, 0]]
        segments = np.stack([query_m[lines][:, plane], ends_m[:, plane]], axis=1)
        axes.add_collection(LineCollection(list(segments), colors=colour, linewidths=0.6, alpha=0.5, zorder=2))
        for published, face in ((True, colour), (False, "none")):
            marked = query_m[rows[outcomes.accepted[rows] == published]][:, plane]
            if len(marked):
                name = f"{label}, {'published' if published else 'rejected'}"
                axes.plot(*marked.T, "o", mfc=face, mec=colour, markersize=4, label=name)
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(fontsize=7, frameon=False, loc="best")
    tidy(axes, "Queries and the places they matched", f"{'xyz'[first]} (m)", f"{'xyz'[second]} (m)")


def _classes(outcomes: Outcomes) -> list[tuple[BoolArray, str, str]]:
    """The queries (Q,) bool by how they ended, with colour and label; classes nobody is in are left out."""
    answerable = outcomes.positives.answerable
    classes = [
        (outcomes.right, RIGHT_COLOUR, "right"),
        (answerable & ~outcomes.right, WRONG_COLOUR, "wrong"),
        (~answerable, UNANSWERABLE_COLOUR, "no answer in the map"),
    ]
    return [row for row in classes if row[0].any()]


def _draw_sequence(axes: Axes, outcomes: Outcomes, map_size: int) -> None:
    """Query number against map frame number; the band is what counts as correct."""
    pairs = [(number, index) for number, row in enumerate(outcomes.positives.indices) for index in row]
    if pairs:
        numbers, indices = np.array(pairs).T
        side = max(0.3, min(4.0, 250.0 / max(map_size, len(outcomes))))
        axes.plot(numbers, indices, "s", color=BAND_COLOUR, markersize=side, label="correct", zorder=1)
    for members, colour, label in _classes(outcomes):
        rows = np.flatnonzero(members & (outcomes.predictions[:, 0] >= 0))
        axes.plot(rows, outcomes.predictions[rows, 0], ".", color=colour, markersize=4, label=label, zorder=2)
    axes.legend(fontsize=7, frameon=False, loc="best")
    tidy(axes, "Best match of every query", "query number", "map frame number")
