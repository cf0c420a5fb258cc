# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The node as a process: images in over DDS, everything the interface table promises out."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, PoseWithCovarianceStamped
from harness import (
    SPACING_M,
    Diagnostics,
    FakeCamera,
    GraphClient,
    StartNode,
    compressed_message,
    texture,
)
from nav_msgs.msg import Path as PathMessage
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray

from vpr_ros.core.message_fields import stamp_ns_of
from vpr_ros.ros.localizer.output_messages import MATCH_DTYPE

NODE = "/vpr_localizer"
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_an_image_becomes_a_pose_with_its_own_stamp(
    texture_map: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    node = start_localizer(map=texture_map)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    camera.place = 7
    client.wait_for(lambda: poses, "a pose", camera.publish)
    pose = poses[0]
    stamp_ns = pose.header.stamp.sec * 1_000_000_000 + pose.header.stamp.nanosec
    assert stamp_ns in camera.sent
    assert pose.header.frame_id == "map"
    assert abs(pose.pose.pose.position.x - 7 * SPACING_M) < 0.5
    covariance = np.asarray(pose.pose.covariance).reshape(6, 6)
    assert np.linalg.eigvalsh(covariance).min() > 0
    assert "the map could not calibrate itself (12 frames" in node.output


def test_everything_of_the_interface_is_published(
    texture_map: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    start_localizer(map=texture_map, hand_over_initialpose="true")
    initial = client.collect(PoseWithCovarianceStamped, "/initialpose")
    matches = client.collect(PointCloud2, f"{NODE}/matches")
    candidates = client.collect(PoseArray, f"{NODE}/candidates")
    pictures = client.collect(Image, f"{NODE}/match_image")
    markers = client.collect(MarkerArray, f"{NODE}/markers")
    statuses = client.collect(DiagnosticArray, f"{NODE}/status")
    map_path = client.collect(PathMessage, f"{NODE}/map", LATCHED)
    camera = FakeCamera(client)
    camera.place = 3
    everything = (initial, matches, candidates, pictures, markers, map_path, statuses)
    client.wait_for(lambda: all(everything), "all topics", camera.publish)
    table = np.frombuffer(matches[0].data, MATCH_DTYPE)
    assert table[0]["frame_id"] == 3
    assert table[0]["similarity"] > 0.9
    assert (np.diff(table["similarity"]) <= 1e-6).all()
    assert len(candidates[0].poses) == len(table)
    assert len(map_path[0].poses) == 12
    assert {"match", "probability", "covariance", "hypotheses"} <= {marker.ns for marker in markers[0].markers}
    assert stamp_ns_of(statuses[0].header.stamp) in camera.sent
    assert statuses[0].status[0].name == f"{NODE}: answer"
    assert pictures[0].width == 320 < pictures[0].height  # the query above its match
    client.wait_for(lambda: len(matches) > 5, "more answers", camera.publish)
    assert len(initial) == 1


def test_localize_answers_one_image_when_asked(
    texture_map: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    start_localizer(map=texture_map, continuous="false")
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    camera.place = 5
    client.wait_for(lambda: camera.subscribers() > 0, "the node's subscription")
    response = client.wait_for(
        lambda: (answer := client.call(Trigger, f"{NODE}/localize")).success and answer, "an answer", camera.publish
    )
    found = re.match(r"x (-?\d+\.\d+) y -?\d+\.\d+ z -?\d+\.\d+ m", response.message)
    assert found and float(found[1]) == pytest.approx(5 * SPACING_M, abs=0.5), response.message
    client.wait_for(lambda: poses, "the pose of that answer")
    assert client.call(Trigger, f"{NODE}/reset").success


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_compressed_images(texture_map: Path, start_localizer: StartNode, client: GraphClient, extension: str) -> None:
    start_localizer(map=texture_map)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    publisher = client.node.create_publisher(CompressedImage, "/image/compressed", qos_profile_sensor_data)
    client.wait_for(
        lambda: poses,
        "a pose",
        lambda: publisher.publish(compressed_message(texture(4), time.time_ns(), extension)),
    )
    assert abs(poses[0].pose.pose.position.x - 4 * SPACING_M) < 0.5


def test_the_map_changes_while_running(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    second = tmp_path / "second"
    shutil.copytree(texture_map, second)
    start_localizer(map=texture_map)
    client.wait_for(lambda: diagnostics.value("map", "path") == str(texture_map), "the first map")
    refused = client.set_parameter(NODE, "map", str(tmp_path / "absent"))
    assert not refused.successful
    assert "does not exist" in refused.reason
    assert str(texture_map) in refused.reason
    assert client.set_parameter(NODE, "map", str(second)).successful
    client.wait_for(lambda: diagnostics.value("map", "path") == str(second), "the second map")
    too_sure = client.set_parameter(NODE, "localizer.min_probability", 1.5)
    assert not too_sure.successful


def test_it_ends_cleanly_and_never_loads_torch(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer(map=texture_map)
    client.wait_for(lambda: diagnostics.level("model") == 0, "the model")
    loaded = Path(f"/proc/{process.process.pid}/maps").read_text()
    assert "onnxruntime" in loaded
    assert "libtorch" not in loaded
    assert process.end() == 0


def test_a_misspelt_parameter_fails_at_start(texture_map: Path, start_localizer: StartNode) -> None:
    process = start_localizer(mapp=texture_map)
    assert process.process.wait(30) == 2
    assert "mapp" in process.output
