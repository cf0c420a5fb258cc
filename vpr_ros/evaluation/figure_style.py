# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Colours and figures of the report, without pyplot's global state."""

from __future__ import annotations

import warnings
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vpr_ros.core.printable import printable

RIGHT_COLOUR = "#1b9e77"
WRONG_COLOUR = "#d95f02"
NEAR_COLOUR = "#e6ab02"
MAP_COLOUR = "#9aa5b1"
ACCENT_COLOUR = "#3f6fb5"
INK_COLOUR = "#26323f"
DOTS_PER_INCH = 110


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure with its own canvas; the layout keeps labels inside."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, title: str, x_label: str = "", y_label: str = "") -> None:
    """Title, labels, and no lines that carry no information."""
    axes.set_title(plain(title), loc="left", fontsize=10, color=INK_COLOUR)
    axes.set_xlabel(x_label, fontsize=9)
    axes.set_ylabel(y_label, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def plain(text: str) -> str:
    """Names as matplotlib draws them: one line of UTF-8, and no formula between two dollars."""
    return printable(text).replace("$", r"\$")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG. A letter the font lacks is drawn as a box, without a word: names may be in any script."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(path, dpi=DOTS_PER_INCH, facecolor="white")
