# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""RViz opens on the map: view, frame and sizes come from the map, the layout leaves room for it, the colours agree."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from vpr_ros.core.errors import MapError
from vpr_ros.maps.manifest import rewrite_manifest
from vpr_ros.ros.localizer.map_view import FILLED, VIEW_PX
from vpr_ros.ros.localizer.marker_parts import ACCEPTED_RGB, REJECTED_RGB
from vpr_ros.ros.localizer.match_image import WIDTH_PX
from vpr_ros.ros.localizer.rviz_on_map import rviz_config_for

CONFIG = Path(__file__).resolve().parents[3] / "config" / "vpr.rviz"
LEFT, QSTRING, DOCK_WIDGET = 0, 0xFB, 0xFD


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return loaded


def displays(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = config["Visualization Manager"]["Displays"]
    return {display["Class"].removeprefix("rviz_default_plugins/"): display for display in found}


def map_at(source: Path, folder: Path, offset_m: tuple[float, float, float], stretch: float = 1.0) -> Path:
    """A map whose frames lie elsewhere; its other files are not read for a picture of it."""
    folder.mkdir()
    (folder / "manifest.yaml").write_text((source / "manifest.yaml").read_text())
    header, *rows = (source / "frames.csv").read_text().splitlines()
    moved = []
    for row in rows:
        fields = row.split(",")
        fields[4:7] = [str(stretch * float(old) + offset) for old, offset in zip(fields[4:7], offset_m, strict=True)]
        moved.append(",".join(fields))
    (folder / "frames.csv").write_text("\n".join([header, *moved]) + "\n")
    return folder


def positions(place_map: Path) -> np.ndarray:
    return np.loadtxt(place_map / "frames.csv", delimiter=",", skiprows=1, usecols=(4, 5, 6))


@pytest.mark.parametrize(
    ("offset_m", "stretch"), [((0.0, 0.0, 0.0), 1.0), ((-420.0, 1300.5, 12.0), 40.0), ((5e5, 5.4e6, 90.0), 3.0)]
)
def test_the_view_holds_every_frame_of_the_map(
    texture_map: Path, tmp_path: Path, offset_m: tuple[float, float, float], stretch: float
) -> None:
    place_map = map_at(texture_map, tmp_path / "map", offset_m, stretch)
    camera = yaml.safe_load(rviz_config_for(CONFIG, place_map))["Visualization Manager"]["Views"]["Current"]
    assert camera["Class"] == "rviz_default_plugins/TopDownOrtho"
    from_middle_px = camera["Scale"] * (positions(place_map)[:, :2] - [camera["X"], camera["Y"]])
    assert (np.abs(from_middle_px) <= FILLED * np.array(VIEW_PX) / 2.0 + 1e-6).all()
    assert (np.abs(from_middle_px).max(axis=0) / VIEW_PX).max() == pytest.approx(FILLED / 2.0)


def test_a_map_in_the_mountains_is_seen_from_above_itself(texture_map: Path, tmp_path: Path) -> None:
    """RViz's orthographic camera hangs 500 m over the origin."""
    place_map = map_at(texture_map, tmp_path / "map", (0.0, 0.0, 1650.0))
    camera = yaml.safe_load(rviz_config_for(CONFIG, place_map))["Visualization Manager"]["Views"]["Current"]
    assert camera["Class"] == "rviz_default_plugins/Orbit"
    middle = (positions(place_map).min(axis=0) + positions(place_map).max(axis=0)) / 2.0
    assert [camera["Focal Point"][axis] for axis in "XYZ"] == pytest.approx(middle.tolist())
    half_m = np.ptp(positions(place_map)[:, :2], axis=0) / 2.0
    aspect = VIEW_PX[0] / VIEW_PX[1]
    angles = np.arctan(half_m / [aspect, 1.0] / camera["Distance"])
    assert angles.max() < np.pi / 8.0, "within the half of 45 degrees"
    assert angles.max() > 0.5 * np.pi / 8.0


def test_the_frame_is_that_of_the_map_and_nothing_else_is_lost(
    shipped: dict[str, Any], texture_map: Path, tmp_path: Path
) -> None:
    place_map = map_at(texture_map, tmp_path / "map", (0.0, 0.0, 0.0))
    rewrite_manifest(place_map, sealed=True, frame_id="site")
    written = yaml.safe_load(rviz_config_for(CONFIG, place_map))
    assert written["Visualization Manager"]["Global Options"].pop("Fixed Frame") == "site"
    before = shipped["Visualization Manager"]["Global Options"] | {}
    before.pop("Fixed Frame")
    assert written["Visualization Manager"]["Global Options"] == before
    assert written["Window Geometry"] == shipped["Window Geometry"]
    assert written["Panels"] == shipped["Panels"]
    for kind, display in displays(shipped).items():
        assert display.keys() <= displays(written)[kind].keys()
        assert displays(written)[kind].get("Topic") == display.get("Topic")


@pytest.mark.parametrize("stretch", [0.05, 1.0, 20.0])
def test_lines_arrows_and_grid_can_be_seen_with_the_whole_map_in_view(
    texture_map: Path, tmp_path: Path, stretch: float
) -> None:
    place_map = map_at(texture_map, tmp_path / "map", (300.0, -80.0, 4.0), stretch)
    written = yaml.safe_load(rviz_config_for(CONFIG, place_map))
    scale_px_per_m = written["Visualization Manager"]["Views"]["Current"]["Scale"]
    shown = displays(written)
    assert shown["Path"]["Line Style"] == "Billboards"
    assert 1.0 <= scale_px_per_m * shown["Path"]["Line Width"] <= 4.0
    pose = shown["PoseWithCovariance"]
    assert 15.0 < scale_px_per_m * (pose["Shaft Length"] + pose["Head Length"]) < 60.0
    grid = shown["Grid"]
    assert 10.0 < scale_px_per_m * grid["Cell Size"] < 200.0
    half_m = grid["Cell Size"] * grid["Plane Cell Count"] / 2.0
    for axis, column in zip("XY", positions(place_map)[:, :2].T, strict=True):
        assert grid["Offset"][axis] / grid["Cell Size"] == pytest.approx(
            round(grid["Offset"][axis] / grid["Cell Size"])
        )
        assert grid["Offset"][axis] - half_m < column.min() and column.max() < grid["Offset"][axis] + half_m
    assert grid["Offset"]["Z"] < positions(place_map)[:, 2].min(), "the path is not half hidden in the grid"


def test_a_map_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(MapError):
        rviz_config_for(CONFIG, tmp_path / "no_such_map")


def test_the_docks_take_less_than_35_percent_and_the_view_is_what_the_sizes_were_chosen_for(
    shipped: dict[str, Any],
) -> None:
    window = shipped["Window Geometry"]
    state = bytes.fromhex(window["QMainWindow State"])
    # Qt's own format: two numbers, the mark of the docks, how many sides have docks; the side, its width and height
    _, _, mark, sides, side, width_px, height_px = struct.unpack(">iiBiiii", state[:25])
    assert (mark, sides, side) == (DOCK_WIDGET, 1, LEFT)
    assert width_px / window["Width"] < 0.35
    names = {panel["Name"] for panel in shipped["Panels"]} | {
        display["Name"]
        for display in shipped["Visualization Manager"]["Displays"]
        if display["Class"].endswith("/Image")
    }
    for name in names:
        written = name.encode("utf-16-be")
        assert struct.pack(">Bi", QSTRING, len(written)) + written in state, f"{name} has no place in the window"
    assert window["Width"] - width_px == pytest.approx(VIEW_PX[0], abs=60)
    assert height_px == pytest.approx(VIEW_PX[1], abs=20)
    assert width_px >= WIDTH_PX, "RViz shrinks a picture by leaving out pixels"


def test_one_scale_of_colours_for_probabilities(shipped: dict[str, Any]) -> None:
    cloud = displays(shipped)["PointCloud2"]
    assert (cloud["Use rainbow"], cloud["Min Intensity"], cloud["Max Intensity"]) == (False, 0, 1)
    for name, rgb in {"Min Color": REJECTED_RGB, "Max Color": ACCEPTED_RGB}.items():
        assert [int(part) for part in cloud[name].split("; ")] == [round(255 * part) for part in rgb]
    shown = [display for display in shipped["Visualization Manager"]["Displays"] if display["Enabled"]]
    drawn = [display["Name"] for display in shown if display["Class"].endswith(("/PointCloud2", "/PoseArray"))]
    assert drawn == [cloud["Name"]], "the candidates are drawn once"
    assert displays(shipped)["MarkerArray"]["Namespaces"] == {
        "belief": False, **dict.fromkeys(("covariance", "hypotheses", "label", "match", "probability", "reason"), True)
    }  # fmt: skip
    assert cloud["Style"] == "Points", "seen at every zoom"
