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


@pytest.fixture(scope="module")
def manager() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(CONFIG.read_text())["Visualization Manager"]
    return loaded


@pytest.fixture(scope="module")
def published() -> dict[str, tuple[str, str]]:
    """Topic -> (message, QoS) of every publisher in the node's sources."""
    found: dict[str, tuple[str, str]] = {}
    for file in (ROOT / "vpr_ros" / "ros").glob("*.py"):
        for message, topic, qos in PUBLISHER.findall(file.read_text()):
            found[f"/vpr_localizer/{topic}"] = (message, qos)
    return found


def subscribed(manager: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {display["Topic"]["Value"]: display for display in manager["Displays"] if "Topic" in display}


def test_fixed_frame_is_the_map(manager: dict[str, Any]) -> None:
    assert manager["Global Options"]["Fixed Frame"] == "map"


def test_shows_map_matches_pose_and_images(manager: dict[str, Any]) -> None:
    classes = [display["Class"].removeprefix("rviz_default_plugins/") for display in manager["Displays"]]
    assert set(classes) == {"Grid", *MESSAGE_OF}
    assert all(display["Enabled"] and display["Value"] for display in manager["Displays"])


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
    assert covariance["Value"] and covariance["Position"]["Value"] and covariance["Orientation"]["Value"]


def test_point_colour_is_a_column_of_the_match_table(manager: dict[str, Any]) -> None:
    table = (ROOT / "vpr_ros" / "ros" / "match_table.py").read_text()
    assert f'"{subscribed(manager)["/vpr_localizer/matches"]["Channel Name"]}"' in table
