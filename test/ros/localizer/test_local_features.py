# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The node with a map that keeps local features: proved matches in what it publishes and says, or why not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")
pytest.importorskip("onnx", reason="makes a model")

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from harness import FakeCamera, GraphClient, StartNode, TextureSource, texture
from sensor_msgs.msg import CameraInfo, PointCloud2
from some_setup import some_setup
from std_srvs.srv import Trigger
from tiny_local_onnx import local_info, whole_info, write_local_model

from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import Frame
from vpr_ros.inference import open_extractor, open_local_extractor
from vpr_ros.localization.local_model import missing_local_model
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.ros.localizer.output_messages import MATCH_DTYPE
from vpr_ros.ros.localizer.parameters import NodeSettings
from vpr_ros.ros.localizer.setup import files_state

NODE = "/vpr_localizer"
WHOLE = whole_info(local_info(240, 320, 200).preprocessing)
EVERY_FRAME = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, radius_m=1.0)


@pytest.fixture(scope="module")
def local_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_local_model(tmp_path_factory.mktemp("model") / "corners.onnx", local_info(240, 320, 200))


@pytest.fixture(scope="module")
def local_map(tmp_path_factory: pytest.TempPathFactory, local_model: Path) -> Path:
    """A map of textures with the local features that *local_model* finds."""
    folder = tmp_path_factory.mktemp("maps") / "local"
    build_map(TextureSource(), open_extractor(None), folder, EVERY_FRAME, local_model=open_local_extractor(local_model))
    return folder


def test_the_named_model_compares_the_candidates(local_map: Path, local_model: Path) -> None:
    setup = some_setup(local_map, local_model=str(local_model))
    assert setup.localizer.verifies and missing_local_model(setup.place_map, is_given=True) == ""
    answer = setup.localizer.localize(Frame(texture(7), 1))
    assert answer.accepted and answer.pose_source == "retrieved" and answer.matches[0].frame_index == 7
    assert answer.inliers >= 15 and max(match.inliers for match in answer.matches[1:]) < answer.inliers
    again = some_setup(local_map, previous=setup, local_model=str(local_model))
    assert again.local_extractor is setup.local_extractor


def test_without_it_the_map_answers_and_says_what_it_misses(local_map: Path, texture_map: Path) -> None:
    setup = some_setup(local_map)
    assert not setup.localizer.verifies and "corners 1" in missing_local_model(setup.place_map, is_given=False)
    plain = some_setup(texture_map)
    assert missing_local_model(plain.place_map, is_given=False) == ""
    frame = Frame(texture(7), 1)
    one, other = (each.localizer.localize(frame) for each in (setup, plain))
    assert one.T_map_base == other.T_map_base and one.probability == other.probability
    assert one.covariance is not None and (one.covariance == other.covariance).all()


def test_a_wrong_model_is_refused(local_map: Path, texture_map: Path, local_model: Path, tmp_path: Path) -> None:
    with pytest.raises(MapError, match="has no local features"):
        some_setup(texture_map, local_model=str(local_model))
    other = write_local_model(tmp_path / "other.onnx", local_info(240, 320, 200), seed=1)
    with pytest.raises(MapError, match="were found by the model"):
        some_setup(local_map, local_model=str(other))


def test_a_file_of_local_features_that_arrives_late_is_a_reason_to_try_again(
    local_map: Path, local_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(local_map, tmp_path / "map"))
    (folder / "local" / "scores.npy").rename(tmp_path / "scores.npy")
    settings = NodeSettings(map=str(folder), local_model=str(local_model))
    before = files_state(settings)
    with pytest.raises(MapError, match=r"scores\.npy is missing"):
        some_setup(folder, local_model=str(local_model))
    (tmp_path / "scores.npy").rename(folder / "local" / "scores.npy")
    assert files_state(settings) != before
    assert some_setup(folder, local_model=str(local_model)).localizer.verifies


def test_a_model_that_gives_both_is_opened_with_what_is_used(tmp_path: Path) -> None:
    both = write_local_model(tmp_path / "both.onnx", local_info(240, 320, 200), whole=WHOLE)
    extractor = open_extractor(both, with_local=True)
    build_map(TextureSource(), extractor, tmp_path / "map", EVERY_FRAME, local_model=extractor.local)
    setup = some_setup(tmp_path / "map", model=str(both))
    answer = setup.localizer.localize(Frame(texture(7), 1))
    assert answer.matches[0].frame_index == 7 and answer.inliers >= 15 and "local" not in answer.timings_ms
    assert some_setup(tmp_path / "map", previous=setup, model=str(both)).extractor is setup.extractor
    unverified: dict[str, Any] = {"localizer.verify_candidates": 0}
    none = some_setup(tmp_path / "map", previous=setup, model=str(both), **unverified)
    assert none.extractor.local is None and none.local_extractor is None and not none.localizer.verifies
    again = some_setup(tmp_path / "map", previous=none, model=str(both))
    assert again.localizer.verifies and "local" not in again.localizer.localize(Frame(texture(7), 1)).timings_ms


def test_the_node_tells_how_its_answers_came(
    local_map: Path, local_model: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    start_localizer(map=local_map, local_model=local_model, **{"localizer.verify_time_ms": 10_000.0})
    matches = client.collect(PointCloud2, f"{NODE}/matches")
    told = client.collect(DiagnosticArray, "/diagnostics")
    camera = FakeCamera(client)
    camera.place = 7
    client.wait_for(lambda: matches, "matches", camera.publish)
    table = np.frombuffer(bytes(matches[-1].data), MATCH_DTYPE)
    assert (
        table["frame_id"][0] == 7 and table["inliers"][0] >= 15 and (table["inliers"][0] > table["inliers"][1:]).all()
    )
    answer = client.call(Trigger, f"{NODE}/localize", Trigger.Request())
    assert answer.success and ", retrieved, " in answer.message and answer.message.endswith(" inliers")
    assert client.node.count_subscribers("/camera_info") == 1
    publisher = client.node.create_publisher(CameraInfo, "/camera_info", 1)

    def says(words: str) -> bool:
        values = [value for array in told for entry in array.status for value in entry.values]
        return any(words in value.value for value in values if value.key == "intrinsics")

    client.wait_for(lambda: says("nothing has come on /camera_info"), "why no pose is geometric", camera.publish)

    def publish_both() -> None:
        publisher.publish(CameraInfo())
        camera.publish()

    client.wait_for(lambda: says("not calibrated"), "that its camera_info is of no use", publish_both)
    assert any(value.key == "verify p50 [ms]" for entry in told[-1].status for value in entry.values)
