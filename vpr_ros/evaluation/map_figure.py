# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map from above: where its frames lie, which way they look, which session they came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ConfigError
from vpr_ros.evaluation.figure_style import new_figure, save, tidy
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.spacing import neighbour_spacing_m

SESSION_COLOURS = ("#3f6fb5", "#d95f02", "#1b9e77", "#7570b3", "#a6761d", "#e7298a")
MAX_ARROWS = 400


def write_map_figure(place_map: PlaceMap, path: Path) -> None:
    """Draw *place_map* as a PNG.

    Raises:
        ConfigError: the picture cannot be written.
    """
    frames = place_map.frames
    figure = new_figure(8.0, 8.0)
    grid = figure.add_gridspec(2, 1, height_ratios=(4, 1))
    axes = figure.add_subplot(grid[0])
    for session, entry in enumerate(place_map.manifest.sessions):
        rows = np.flatnonzero(frames.session == session)
        colour = SESSION_COLOURS[session % len(SESSION_COLOURS)]
        x_m, y_m = frames.position_m[rows, 0], frames.position_m[rows, 1]
        axes.scatter(x_m, y_m, s=10, color=colour, label=f"session {session}: {entry.frames} frames", zorder=2)
        known = rows[np.isfinite(frames.quat_xyzw[rows]).all(axis=1)]
        known = known[:: max(1, len(known) // MAX_ARROWS)]
        if len(known):
            ahead = Rotation.from_quat(frames.quat_xyzw[known]).apply([1.0, 0.0, 0.0])
            axes.quiver(
                frames.position_m[known, 0], frames.position_m[known, 1], ahead[:, 0], ahead[:, 1],
                color=colour, alpha=0.5, width=0.002, angles="xy", zorder=1,
            )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(fontsize=8, frameon=False)
    name = place_map.path.name.replace("$", r"\$")  # which begins a formula
    tidy(axes, f"{name}: {len(place_map)} frames", "x (m)", "y (m)")
    below = figure.add_subplot(grid[1])
    below.hist(neighbour_spacing_m(frames), bins=40, color=SESSION_COLOURS[0])
    tidy(below, "Distance between neighbouring frames", "m", "frames")
    try:
        with new_file(path, ConfigError) as part:
            save(figure, part)
    except ValueError as error:
        raise ConfigError(f"the picture {path} cannot be written ({error})", "Give a name that ends in .png") from error
