# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Maps built before, in the frame of their drive's odometry: they answer, and everything that goes wrong is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import SPACING_M, Diagnostics, FakeCamera, GraphClient, StartNode, TextureSource

from vpr_ros.inference import open_extractor
from vpr_ros.mapping import BuildConfig, build_map

NODE = "/vpr_localizer"
OK, WARN, ERROR = 0, 1, 2
PLACE = 4


@pytest.fixture(scope="module")
def odom_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maps") / "odom"
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, radius_m=1.0, frame_id="odom")
    build_map(TextureSource(8, map_frame_id="odom"), open_extractor(None), path, config)
    return path


def test_it_answers_with_a_warning_until_map_frame_is_set(
    odom_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer(map=odom_map)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    camera.place = PLACE
    client.wait_for(lambda: poses, "a pose", camera.publish)
    assert poses[0].header.frame_id == "odom"
    assert poses[0].pose.pose.position.x == pytest.approx(PLACE * SPACING_M, abs=0.5)
    client.wait_for(lambda: diagnostics.level("map") == WARN, "a warning", camera.publish)
    assert "the map's frame is called 'odom'" in diagnostics.message("map")
    assert "the map's frame is called 'odom'" in process.output
    assert client.set_parameter(NODE, "map_frame", "map").successful
    client.wait_for(lambda: poses[-1].header.frame_id == "map", "a pose in map", camera.publish)
    client.wait_for(lambda: diagnostics.level("map") == OK, "no warning any more", camera.publish)


def test_odom_is_never_related_to_itself(
    odom_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    pytest.importorskip("tf2_ros", reason="needs tf2_ros of a ROS installation; PyPI has none")
    from tf_tree import TfTree

    tree, camera = TfTree(client), FakeCamera(client)
    start_localizer(map=odom_map, publish_tf="true")
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: diagnostics.level("localizer") == ERROR, "an ERROR", camera.publish)
    said = diagnostics.message("localizer")
    assert "publish_tf relates 'odom' to 'odom'" in said and "Set map_frame, for example to map" in said
    client.wait_for(lambda: len(poses) > 3, "poses all the same", camera.publish)
    assert not tree.sent("odom")
    assert client.set_parameter(NODE, "map_frame", "map").successful
    refused = client.set_parameter(NODE, "odom_frame", "map")
    assert not refused.successful and "publish_tf relates 'map' to 'map'" in refused.reason
    client.wait_for(lambda: "relates" not in diagnostics.message("localizer"), "another word", camera.publish)
