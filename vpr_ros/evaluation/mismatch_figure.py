# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Picture: the first wrong matches, so that a person sees what confuses the robot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vpr_ros.core.frames import ImageRgb
from vpr_ros.evaluation.figure_style import INK_COLOUR, RIGHT_COLOUR, WRONG_COLOUR, new_figure, plain
from vpr_ros.evaluation.outcome import Outcomes, QueryOutcome
from vpr_ros.maps import PlaceMap

HEADINGS = ("query", "retrieved, wrong", "a correct one")


def mismatch_figure(outcomes: Outcomes, place_map: PlaceMap) -> Figure:
    """One row per wrong query whose image was kept: the query, what was retrieved, a correct map frame.

    The correct one shown is the best-ranked correct frame, or else the first correct one.
    """
    numbers = [number for number, row in enumerate(outcomes.rows) if row.thumbnail is not None]
    figure = new_figure(8.2, 0.5 + 2.2 * max(1, len(numbers)))
    if not numbers:
        figure.text(0.5, 0.5, "No wrong match among the queries.", ha="center", va="center", color=RIGHT_COLOUR)
        return figure
    for axes_row, number in zip(figure.subplots(len(numbers), 3, squeeze=False), numbers, strict=True):
        _draw_row(axes_row, outcomes, number, place_map)
    return figure


def _draw_row(axes_row: Sequence[Axes], outcomes: Outcomes, number: int, place_map: PlaceMap) -> None:
    row = outcomes.rows[number]
    _draw(axes_row[0], row.thumbnail, f"{HEADINGS[0]}: {_short(row.name)}", INK_COLOUR)
    if row.answer.matches:
        match = row.answer.matches[0]
        title = f"{HEADINGS[1]}: {_short(match.name)}\n{_details(row)}"
        _draw(axes_row[1], place_map.thumbnail(match.frame_index), title, WRONG_COLOUR)
    else:
        _draw(axes_row[1], None, "nothing retrieved", WRONG_COLOUR)
    correct, rank = _correct_frame(outcomes, number)
    if correct is None:
        _draw(axes_row[2], None, "no correct answer in the map", INK_COLOUR)
    else:
        where = f"rank {rank}" if rank else "not retrieved"
        title = f"{HEADINGS[2]}: {_short(place_map.frames.names[correct])}\n{where}"
        _draw(axes_row[2], place_map.thumbnail(correct), title, RIGHT_COLOUR)


def _details(row: QueryOutcome) -> str:
    """Similarity, probability and, where known, how far away the match is."""
    match = row.answer.matches[0]
    text = f"similarity {match.similarity:.3f}, p {row.answer.probability:.2f}"
    if row.truth is not None:
        text += f", {row.truth.distance_m(match.T_map_base):.1f} m off"
    return text


def _correct_frame(outcomes: Outcomes, number: int) -> tuple[int | None, int]:
    """A correct map frame and its rank from 1 (0 = not retrieved)."""
    correct = outcomes.positives.indices[number]
    if not correct.size:
        return None, 0
    ranks = np.flatnonzero(np.isin(outcomes.predictions[number], correct))
    if ranks.size:
        return int(outcomes.predictions[number, ranks[0]]), int(ranks[0]) + 1
    return int(correct[len(correct) // 2]), 0


def _draw(axes: Axes, image_rgb: ImageRgb | None, title: str, colour: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    if image_rgb is None:
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.text(0.5, 0.5, title, ha="center", va="center", fontsize=8, color=colour, transform=axes.transAxes)
        return
    axes.imshow(image_rgb)
    axes.set_title(title, fontsize=8, color=colour, loc="left")
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(2)


def _short(name: str, length: int = 34) -> str:
    shown = name if len(name) <= length else "..." + name[3 - length :]
    return plain(shown)
