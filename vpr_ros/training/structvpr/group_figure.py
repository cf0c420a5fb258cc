# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``groups.png``: share and weight of each group, and the recall of teacher and student over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from vpr_ros.evaluation.figure_style import (
    ACCENT_COLOUR,
    MAP_COLOUR,
    RIGHT_COLOUR,
    WRONG_COLOUR,
    new_figure,
    save,
    tidy,
)
from vpr_ros.training.structvpr.partition import DISJOINT

COLOURS = dict(zip(DISJOINT, (WRONG_COLOUR, RIGHT_COLOUR, ACCENT_COLOUR, MAP_COLOUR), strict=True))


def draw_groups(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    """Draw the rows of a ``groups.csv`` as a PNG."""
    figure = new_figure(10.0, 3.2)
    bars, drawn, recall = figure.subplots(1, 3)
    last = {row["group"]: row for row in rows}
    _bars(bars, last)
    for group in DISJOINT:
        own = [row for row in rows if row["group"] == group]
        _line(drawn, own, "drawn", COLOURS[group], group, "-")
        _line(recall, own, "student_R@1", COLOURS[group], group, "-")
        _line(recall, own, "teacher_R@1", COLOURS[group], "", ":")
    tidy(drawn, "share of what was drawn", "step")
    tidy(recall, "recall@1 of watched pairs in %: student, teacher dotted", "step")
    for axes in (drawn, recall):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7, frameon=False)
    save(figure, path)


def _bars(axes: Axes, last: Mapping[str, Mapping[str, str]]) -> None:
    shares = [100 * float(last[group]["share"]) for group in DISJOINT]
    axes.bar(DISJOINT, shares, color=[COLOURS[group] for group in DISJOINT])
    for number, (group, share) in enumerate(zip(DISJOINT, shares, strict=True)):
        weight = last[group]["weight"]
        said = f"weight {float(weight):.2f}" if weight else "empty"
        axes.text(number, share, said, ha="center", va="bottom", fontsize=7)
    tidy(axes, "share of all training pairs in %")


def _line(axes: Axes, rows: Sequence[Mapping[str, str]], column: str, colour: str, label: str, style: str) -> None:
    known = [(int(row["step"]), float(row[column])) for row in rows if row[column]]
    if known:
        steps, values = zip(*known, strict=True)
        axes.plot(steps, values, style, color=colour, label=label, linewidth=1.4, marker="." if style == "-" else "")
