# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""RViz is not on the machines that run the tests, so its file is held to the node and to RViz's format as data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "config" / "vpr.rviz"
PUBLISHER = re.compile(r"create(?:_lifecycle_publisher|_publisher)?\(\s*(\w+),\s*\"~/(\w+)\",\s*(\w+)\)")
MESSAGE_OF = {
    "Path": "Path",
    "MarkerArray": "MarkerArray",
    "PoseWithCovariance": "PoseWithCovarianceStamped",
    "PoseArray": "PoseArray",
    "PointCloud2": "PointCloud2",
    "Image": "Image",
}
# What each class reads from the file, checked against RViz's sources (Humble, Jazzy, Rolling); it skips anything else
# without a word. A type is that of the value, a tuple its choices, a mapping a property with others below it.
Known = Any
COLOUR = re.compile(r"\d+; \d+; \d+")
TOPIC: Known = {
    "Value": str,
    "Depth": int,
    "History Policy": ("System Default", "Keep Last", "Keep All"),
    "Reliability Policy": ("System Default", "Reliable", "Best Effort"),
    "Durability Policy": ("System Default", "Transient Local", "Volatile"),
}
NAMESPACES = ("belief", "covariance", "hypotheses", "label", "match", "probability", "reason")
FILTERED_TOPIC: Known = {**TOPIC, "Filter size": int}
PROPERTIES: Known = {
    "Grid": {
        "Reference Frame": str,
        "Plane": ("XY", "XZ", "YZ"),
        "Plane Cell Count": int,
        "Cell Size": float,
        "Color": COLOUR,
        "Alpha": float,
        "Line Style": {"Value": ("Lines", "Billboards"), "Line Width": float},
        "Offset": {"X": float, "Y": float, "Z": float},
    },
    "Path": {
        "Topic": FILTERED_TOPIC,
        "Color": COLOUR,
        "Alpha": float,
        "Buffer Length": int,
        "Line Style": ("Lines", "Billboards"),
        "Line Width": float,
        "Pose Style": ("None", "Axes", "Arrows"),
    },
    "MarkerArray": {"Topic": TOPIC, "Namespaces": dict.fromkeys(NAMESPACES, bool)},
    "PoseWithCovariance": {
        "Topic": FILTERED_TOPIC,
        "Shape": ("Arrow", "Axes"),
        "Color": COLOUR,
        "Alpha": float,
        "Shaft Length": float,
        "Shaft Radius": float,
        "Head Length": float,
        "Head Radius": float,
        "Covariance": {
            "Value": bool,
            "Position": {"Value": bool, "Alpha": float, "Color": COLOUR, "Scale": float},
            "Orientation": {
                "Value": bool,
                "Alpha": float,
                "Color": COLOUR,
                "Color Style": ("Unique", "RGB"),
                "Frame": ("Local", "Fixed"),
                "Offset": float,
                "Scale": float,
            },
        },
    },
    "PoseArray": {
        "Topic": FILTERED_TOPIC,
        "Shape": ("Arrow (Flat)", "Arrow (3D)", "Axes"),
        "Arrow Length": float,
        "Color": COLOUR,
        "Alpha": float,
    },
    "PointCloud2": {
        "Topic": FILTERED_TOPIC,
        "Color Transformer": ("Intensity",),
        "Position Transformer": ("XYZ",),
        "Channel Name": str,
        "Autocompute Intensity Bounds": bool,
        "Min Intensity": float,
        "Max Intensity": float,
        "Use rainbow": bool,
        "Min Color": COLOUR,
        "Max Color": COLOUR,
        "Style": ("Points", "Squares", "Flat Squares", "Spheres", "Boxes", "Tiles"),
        "Size (m)": float,
        "Size (Pixels)": float,
        "Decay Time": float,
        "Selectable": bool,
        "Alpha": float,
    },
    "Image": {"Topic": TOPIC, "Normalize Range": bool},
}
DISPLAY: Known = {"Class": str, "Name": str, "Enabled": bool, "Value": bool}
TOP_DOWN: Known = {
    "Class": ("rviz_default_plugins/TopDownOrtho",),
    "Name": str,
    "Target Frame": str,
    "Scale": float,
    "X": float,
    "Y": float,
    "Angle": float,
    "Near Clip Distance": float,
}
GLOBAL_OPTIONS: Known = {"Background Color": COLOUR, "Fixed Frame": str, "Frame Rate": int}
PANELS: Known = {
    "rviz_common/Displays": {
        "Property Tree Widget": {"Splitter Ratio": float},
        "Tree Height": int,
        "Help Height": int,
    },
}
WINDOW: Known = {
    "Width": int,
    "Height": int,
    "Hide Left Dock": bool,
    "Hide Right Dock": bool,
    "QMainWindow State": re.compile("[0-9a-f]+"),
}
TOOLS = ("Interact", "MoveCamera", "Select", "Measure", "SetInitialPose")


def fits(value: Any, known: Known) -> bool:
    """Whether RViz would read *value* as what it is meant to be."""
    if isinstance(known, dict):
        return isinstance(value, dict) and all(key in known and fits(value[key], known[key]) for key in value)
    if isinstance(known, tuple):
        return value in known
    if isinstance(known, re.Pattern):
        return isinstance(value, str) and known.fullmatch(value) is not None
    return type(value) is known or (known is float and type(value) is int)


@pytest.fixture(scope="module")
def loaded() -> dict[str, Any]:
    whole: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return whole


@pytest.fixture(scope="module")
def manager(loaded: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = loaded["Visualization Manager"]
    return found


@pytest.fixture(scope="module")
def published() -> dict[str, tuple[str, str]]:
    """Topic -> (message, QoS) of every publisher in the node's sources."""
    found: dict[str, tuple[str, str]] = {}
    for file in (ROOT / "vpr_ros" / "ros").rglob("*.py"):
        for message, topic, qos in PUBLISHER.findall(file.read_text()):
            found[f"/vpr_localizer/{topic}"] = (message, qos)
    return found


def subscribed(manager: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {display["Topic"]["Value"]: display for display in manager["Displays"] if "Topic" in display}


def test_rviz_reads_every_line(loaded: dict[str, Any], manager: dict[str, Any]) -> None:
    for display in manager["Displays"]:
        package, kind = display["Class"].split("/")
        assert package == "rviz_default_plugins"
        for name, value in display.items():
            assert fits(value, (DISPLAY | PROPERTIES[kind]).get(name)), f"{kind}: {name}: {value}"
    assert fits(manager["Views"]["Current"], TOP_DOWN)
    assert fits(manager["Global Options"], GLOBAL_OPTIONS)
    assert [tool["Class"] for tool in manager["Tools"]] == [f"rviz_default_plugins/{name}" for name in TOOLS]
    for panel in loaded["Panels"]:
        known = {"Class": str, "Name": str, **PANELS[panel["Class"]]}
        assert fits(panel, known), panel
        assert ("Tree Height" in panel) == ("Help Height" in panel), "RViz reads both or none"
    assert set(loaded) == {"Panels", "Visualization Manager", "Window Geometry"}
    assert fits(loaded["Window Geometry"], WINDOW)


def test_fixed_frame_is_the_map(manager: dict[str, Any]) -> None:
    assert manager["Global Options"]["Fixed Frame"] == "map"


def test_shows_map_matches_pose_and_images(manager: dict[str, Any]) -> None:
    classes = [display["Class"].removeprefix("rviz_default_plugins/") for display in manager["Displays"]]
    assert set(classes) == {"Grid", *MESSAGE_OF}
    for display in manager["Displays"]:
        assert display["Enabled"] == display["Value"] == (display["Name"] != "Candidates")


def test_every_topic_is_published_by_the_node_with_the_display_s_type(
    manager: dict[str, Any], published: dict[str, tuple[str, str]]
) -> None:
    displays = subscribed(manager)
    assert len(displays) == len(MESSAGE_OF)
    for topic, display in displays.items():
        kind = display["Class"].removeprefix("rviz_default_plugins/")
        assert published[topic][0] == MESSAGE_OF[kind], topic


def test_durability_matches_the_publisher(manager: dict[str, Any], published: dict[str, tuple[str, str]]) -> None:
    for topic, display in subscribed(manager).items():
        latched = published[topic][1] == "LATCHED_QOS"
        assert display["Topic"]["Durability Policy"] == ("Transient Local" if latched else "Volatile"), topic


def test_the_map_is_latched(manager: dict[str, Any]) -> None:
    assert subscribed(manager)["/vpr_localizer/map"]["Topic"]["Durability Policy"] == "Transient Local"


def test_covariance_is_shown(manager: dict[str, Any]) -> None:
    covariance = subscribed(manager)["/vpr_localizer/pose"]["Covariance"]
    assert covariance["Value"] and covariance["Position"]["Value"]


def test_point_colour_is_a_column_of_the_match_table(manager: dict[str, Any]) -> None:
    (table,) = (file.read_text() for file in (ROOT / "vpr_ros" / "ros").rglob("output_messages.py"))
    assert f'"{subscribed(manager)["/vpr_localizer/matches"]["Channel Name"]}"' in table
