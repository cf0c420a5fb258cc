# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What RViz is started with: the shipped configuration, opened on the map that is localized in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from vpr_ros.core.files import read_yaml
from vpr_ros.maps.frame_table import read_frame_table
from vpr_ros.maps.manifest import read_manifest
from vpr_ros.ros.localizer.map_view import VIEW_PX, MapView, map_view, marker_length_m

LINE_PX: Final = 3.0
GRID_CELLS: Final = 20
ORTHO_REACH_M: Final = 400.0
"""RViz's view from above hangs 500 m over the origin and sees nothing above itself."""
FIELD_OF_VIEW_RAD: Final = math.pi / 4.0
"""Of RViz's other views, from top to bottom."""


def rviz_config_for(template: Path, place_map: Path) -> str:
    """The configuration *template* with the view on the map *place_map*, and sizes that can be seen in it.

    Args:
        template: ``config/vpr.rviz``.
        place_map: folder of the map.

    Raises:
        VprError: a file of the map, or the template, cannot be read.
    """
    config: dict[str, Any] = read_yaml(template)
    manifest = read_manifest(place_map)
    frames = read_frame_table(place_map / "frames.csv", tuple(camera.name for camera in manifest.cameras))
    view = map_view(frames.position_m)
    manager = config["Visualization Manager"]
    manager["Global Options"]["Fixed Frame"] = manifest.frame_id
    manager["Views"]["Current"] = _camera(manager["Views"]["Current"], view)
    for kind, display in _displays(manager):
        display.update(_sizes(kind, view))
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def _displays(manager: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for display in manager["Displays"]:
        yield display["Class"].rpartition("/")[2], display


def _camera(current: dict[str, Any], view: MapView) -> dict[str, Any]:
    """The view of the whole map from above; a map high over the origin needs a camera that stands over it."""
    x_m, y_m, z_m = view.centre_m
    if abs(z_m) + view.extent_m[2] / 2.0 < ORTHO_REACH_M:
        return current | {"X": x_m, "Y": y_m, "Scale": view.scale_px_per_m}
    height_m = VIEW_PX[1] / view.scale_px_per_m
    return {
        "Class": "rviz_default_plugins/Orbit",
        "Name": "From above",
        "Target Frame": current["Target Frame"],
        "Focal Point": {"X": x_m, "Y": y_m, "Z": z_m},
        "Distance": height_m / 2.0 / math.tan(FIELD_OF_VIEW_RAD / 2.0),
        "Pitch": 1.5697963,  # as far down as RViz looks
        "Yaw": 1.5 * math.pi,
        "Near Clip Distance": current["Near Clip Distance"],
    }


def _sizes(kind: str, view: MapView) -> dict[str, Any]:
    """The properties of a display of class *kind* that depend on how large the map is and where it lies."""
    arrow_m = marker_length_m(view)
    if kind == "Path":
        pixel_m = 1.0 / view.scale_px_per_m
        return {"Line Width": max(pixel_m, view.metres(LINE_PX, 8.0))}
    if kind == "PoseArray":
        return {"Arrow Length": 0.6 * arrow_m}
    if kind == "PoseWithCovariance":
        return {
            "Shaft Length": 0.7 * arrow_m,
            "Shaft Radius": 0.1 * arrow_m,
            "Head Length": 0.3 * arrow_m,
            "Head Radius": 0.2 * arrow_m,
        }
    if kind == "Grid":
        return _grid(view)
    return {}


def _grid(view: MapView) -> dict[str, Any]:
    """Cells of 1, 2 or 5 times a power of ten metres, around the map and below it, on round numbers."""
    wanted_m = max(*view.extent_m[:2], 1.0) / GRID_CELLS
    power = 10.0 ** math.floor(math.log10(wanted_m))
    cell_m = next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= wanted_m)
    x_m, y_m = (cell_m * round(middle / cell_m) for middle in view.centre_m[:2])
    lowest_m = view.centre_m[2] - view.extent_m[2] / 2.0
    return {
        "Cell Size": cell_m,
        "Plane Cell Count": 2 * GRID_CELLS,
        "Offset": {"X": x_m, "Y": y_m, "Z": lowest_m - 0.05},
    }
