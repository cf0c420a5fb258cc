# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A machine without tf2_ros, whatever this one has: localizing works, and what needs TF says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import Diagnostics, FakeCamera, GraphClient, RosProcess, StartNode

NODE = "/vpr_localizer"
ERROR = 2
WORDS = ("parameter publish_tf needs tf2_ros, which is not installed", "Install ros-$ROS_DISTRO-tf2-ros-py")


@pytest.fixture
def without_tf(tmp_path: Path, ros_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every process of the test find a tf2_ros that cannot be imported."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "tf2_ros.py").write_text("raise ImportError('No module named tf2_ros')\n")
    monkeypatch.setitem(ros_env, "PYTHONPATH", f"{tmp_path / 'hidden'}:{os.environ.get('PYTHONPATH', '')}")


@pytest.mark.usefixtures("without_tf")
def test_localizes_and_refuses_the_broadcast(
    texture_map: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    process: RosProcess = start_localizer(map=texture_map)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    client.wait_for(lambda: poses, "a pose", camera.publish)
    refused = client.set_parameter(NODE, "publish_tf", True)
    assert not refused.successful
    for words in WORDS:
        assert words in refused.reason
    assert client.set_parameter(NODE, "tf_tolerance_s", 0.2).successful, "it was not half taken over"
    seen = len(poses)
    client.wait_for(lambda: len(poses) > seen, "poses as before", camera.publish)
    assert process.is_running


@pytest.mark.usefixtures("without_tf")
def test_does_not_start_with_the_broadcast(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_localizer(map=texture_map, publish_tf="true")
    client.wait_for(lambda: diagnostics.level("localizer") == ERROR, "an ERROR")
    for words in WORDS:
        assert words in diagnostics.message("localizer")
