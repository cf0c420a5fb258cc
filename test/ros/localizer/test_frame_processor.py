# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One image to one answer in the test's own process: by the setup in use when its turn comes, counted at its camera."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from some_setup import some_setup

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from harness import image_message, place_pose, texture
from rclpy.lifecycle import LifecycleNode

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.ros.error_log import ErrorLog
from vpr_ros.ros.localizer.frame_processor import FrameProcessor
from vpr_ros.ros.localizer.image_job import Camera, ImageJob
from vpr_ros.ros.localizer.map_to_odom import MapToOdom
from vpr_ros.ros.localizer.odometry_input import OdometryInput
from vpr_ros.ros.localizer.outputs import Outputs
from vpr_ros.ros.localizer.setup import LocalizerSetup

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def opened(texture_map: Path) -> LocalizerSetup:
    return some_setup(texture_map)


@pytest.fixture
def errors() -> ErrorLog:
    logged: list[str] = []
    return ErrorLog(logged.append)


@pytest.fixture
def processor(ros_env: dict[str, str], errors: ErrorLog) -> Iterator[FrameProcessor]:
    node = LifecycleNode("processor_of_the_test")
    yield FrameProcessor(Outputs(node), MapToOdom(), OdometryInput(node), errors, node.get_clock())
    node.destroy_node()


def job(camera: Camera, place: int, stamp_ns: int = SECOND) -> ImageJob:
    return ImageJob(image_message(texture(place), stamp_ns), camera, stamp_ns, time.monotonic())


def test_an_image_is_answered_and_counted_at_its_camera(processor: FrameProcessor, opened: LocalizerSetup) -> None:
    front, left = Camera("camera", opened), Camera("left", opened)
    localization, map_frame = processor.process(job(front, 3))
    assert (localization.camera, localization.stamp_ns, map_frame) == ("camera", SECOND, "map")
    assert localization.T_map_base is not None
    np.testing.assert_allclose(localization.T_map_base.position_m, place_pose(3).position_m, atol=0.5)
    assert (front.statistics.processed, front.statistics.accepted, left.statistics.processed) == (1, 1, 0)
    assert {"wait", "decode", "publish", "total"} <= set(processor.latencies.percentiles_ms())


def test_an_image_that_waited_while_the_setup_was_exchanged_is_answered_by_the_new_one(
    processor: FrameProcessor, opened: LocalizerSetup
) -> None:
    camera = Camera("camera", opened)
    waiting = job(camera, 3)
    camera.setup = some_setup(opened.place_map.path, None, opened, map_frame="site")
    assert processor.process(waiting).map_frame == "site"


def test_an_image_that_fails_is_counted_reported_and_forgotten_with_the_next(
    processor: FrameProcessor, opened: LocalizerSetup, errors: ErrorLog
) -> None:
    camera = Camera("camera", opened)
    torn = job(camera, 3)
    torn.message.data = b""
    with pytest.raises(FrameDecodeError, match="truncated image"):
        processor.process(torn)
    assert (camera.statistics.failed, camera.statistics.failing, camera.statistics.processed) == (1, True, 0)
    assert (fault := errors.last_of("camera camera")) is not None and fault.problem.startswith("truncated image")
    processor.process(job(camera, 3))
    assert (camera.statistics.failed, camera.statistics.failing, camera.statistics.processed) == (1, False, 1)
    assert errors.last_of("camera camera") is None


def test_time_that_jumps_back_is_counted_once_for_each_jump(processor: FrameProcessor, opened: LocalizerSetup) -> None:
    camera = Camera("camera", opened)
    for stamp_s in (5, 6, 2, 3, 3, 1):
        processor.process(job(camera, 3, stamp_s * SECOND))
    assert camera.statistics.time_jumps_back == 2
    assert camera.statistics.last_processed_ns == SECOND
