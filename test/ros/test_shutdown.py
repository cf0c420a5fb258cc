# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Ctrl-C while images pour in."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import FakeCamera, GraphClient, StartNode

BURST = 5


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_the_image_worked_on_is_no_error(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, with_signal: int
) -> None:
    process = start_localizer(map=texture_map)
    poses = client.collect(PoseWithCovarianceStamped, "/vpr_localizer/pose")
    camera = FakeCamera(client)

    def pour() -> None:
        for _ in range(BURST):
            camera.publish()

    client.wait_for(lambda: len(poses) > BURST, "poses", pour)
    process.process.send_signal(with_signal)
    client.wait_for(lambda: not process.is_running, "its end", pour)
    assert process.process.returncode == 0
    for word in ("ERROR", "Traceback", "defect", "Failed to publish"):
        assert word not in process.output, process.output
