# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a person reads on /diagnostics: one entry for each part, a level, and what to do where it is not OK."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from harness import GraphClient
from sensor_msgs.msg import Image
from some_answers import STAMP_NS
from some_setup import some_setup

from vpr_ros.core.errors import ConfigError, FrameDecodeError
from vpr_ros.localization import RejectionType
from vpr_ros.maps.drive import Drive
from vpr_ros.maps.restated import Restated
from vpr_ros.maps.tally import Tally
from vpr_ros.ros.error_log import ErrorLog
from vpr_ros.ros.localizer.camera_inputs import CameraInput
from vpr_ros.ros.localizer.diagnostics import NodeStatus, to_diagnostics
from vpr_ros.ros.localizer.failures import FailureType
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.localizer.statistics import Latencies
from vpr_ros.ros.messages import to_time

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
NODE = "/robot/vpr_localizer"
PARTS = ("localizer", "map", "calibration", "model", "camera front", "camera left")
TORN = FrameDecodeError("truncated image: 7 bytes found", "Check the driver")


@pytest.fixture(scope="module")
def opened(texture_map: Path) -> LocalizerSetup:
    return some_setup(texture_map, cameras=("front", "left"))


@pytest.fixture
def errors() -> ErrorLog:
    return ErrorLog(lambda _: None)


@pytest.fixture
def cameras(client: GraphClient, opened: LocalizerSetup) -> Iterator[tuple[CameraInput, ...]]:
    names = ("front", "left")
    inputs = tuple(CameraInput(client.node, name, opened, name, "raw", lambda _: None) for name in names)
    yield inputs
    for camera in inputs:
        camera.close()


def seen(camera: CameraInput, ago_s: float = 0.0) -> None:
    camera.statistics.received += 1
    camera.statistics.last_received_s = time.monotonic() - ago_s


def diagnosed(
    errors: ErrorLog,
    setup: LocalizerSetup | None = None,
    cameras: tuple[CameraInput, ...] = (),
    *,
    state: str = "active",
    failed_start: str = "",
    latencies: Latencies | None = None,
) -> DiagnosticArray:
    return to_diagnostics(
        NodeStatus(NODE, state, setup, failed_start, cameras, latencies or Latencies(), errors), STAMP_NS
    )


def entry(array: DiagnosticArray, name: str) -> DiagnosticStatus:
    return {status.name: status for status in array.status}[f"{NODE}: {name}"]


def values(status: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def test_every_part_has_an_entry_under_the_node_s_name(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    array = diagnosed(errors, opened, cameras)
    assert array.header.stamp == to_time(STAMP_NS)
    names = [status.name for status in array.status]
    assert names == [f"{NODE}: {part}" for part in PARTS]
    assert {status.hardware_id for status in array.status} == {NODE}
    for status in array.status:
        assert all(isinstance(pair.value, str) for pair in status.values)
        assert len(values(status)) == len(status.values)


def test_a_node_that_works_is_ok(errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]) -> None:
    for camera in cameras:
        seen(camera)
    array = diagnosed(errors, opened, cameras)
    assert {part: entry(array, part).level for part in PARTS} == dict.fromkeys(PARTS, OK) | {"calibration": WARN}
    assert entry(array, "localizer").message == "localizing"
    assert "last error" not in values(entry(array, "localizer"))


def test_a_node_without_images_does_not_call_itself_localizing(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    blind = entry(diagnosed(errors, opened, cameras), "localizer")
    assert (blind.level, blind.message) == (WARN, "no camera delivers images")
    seen(cameras[0])
    assert entry(diagnosed(errors, opened, cameras), "localizer").level == OK  # the other camera's entry warns


@pytest.mark.parametrize("state", ["unconfigured", "inactive"])
def test_a_node_that_waits_says_for_what(errors: ErrorLog, state: str) -> None:
    array = diagnosed(errors, state=state)
    assert len(array.status) == 1
    assert entry(array, "localizer").level == WARN
    assert entry(array, "localizer").message == f"{state}: configure and activate the node"


def test_a_node_that_was_shut_down_does_not_ask_for_what_it_cannot_do(errors: ErrorLog) -> None:
    status = entry(diagnosed(errors, state="finalized"), "localizer")
    assert status.level == WARN
    assert status.message == "finalized: the node was shut down for good, start its process again"


@pytest.mark.parametrize(("failed", "level"), [("", WARN), ("the parameter map is empty. Set it.", ERROR)])
def test_what_others_owe_the_node_is_added_to_what_it_says(errors: ErrorLog, failed: str, level: bytes) -> None:
    said = NodeStatus(NODE, "inactive", None, failed, (), Latencies(), errors, warnings=("No time comes.",))
    status = entry(to_diagnostics(said, STAMP_NS), "localizer")
    assert status.level == level
    own = failed or "inactive: configure and activate the node."
    assert status.message == f"{own} No time comes."


@pytest.mark.parametrize("frame", ["odom", "/odom", "robot1/odom"])
def test_a_map_called_like_the_odometry_is_a_warning(errors: ErrorLog, opened: LocalizerSetup, frame: str) -> None:
    setup = some_setup(opened.place_map.path, None, opened, cameras=("front", "left"), map_frame=frame)
    status = entry(diagnosed(errors, setup), "map")
    assert status.level == WARN
    assert f"the map's frame is called {frame!r}" in status.message and "Set map_frame to map" in status.message


def test_a_failed_start_is_an_error_with_its_whole_message(errors: ErrorLog) -> None:
    error = ConfigError("the parameter map is empty", "Set it")
    errors.report("configure", error)
    status = entry(diagnosed(errors, state="unconfigured", failed_start=str(error)), "localizer")
    assert (status.level, status.message) == (ERROR, "the parameter map is empty. Set it.")
    assert values(status)["last error"] == "the parameter map is empty."
    assert values(status)["last error remedy"] == "Set it."
    assert values(status)["last error age [s]"] == "0"


def test_a_failing_camera_is_an_error_of_its_own_with_its_remedy(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    front, left = cameras
    seen(front)
    seen(left)
    front.statistics.failing = True
    errors.report("camera front", TORN)
    errors.report("parameters", ConfigError("min_probability is 7", "Correct the value"))
    array = diagnosed(errors, opened, cameras)
    expected = "truncated image: 7 bytes found. Check the driver."
    assert (entry(array, "camera front").level, entry(array, "camera front").message) == (ERROR, expected)
    assert (entry(array, "localizer").level, entry(array, "localizer").message) == (ERROR, expected)
    assert entry(array, "camera left").level == OK
    assert values(entry(array, "localizer"))["last error"] == "min_probability is 7."


def test_two_cameras_with_two_faults_each_say_their_own(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    for camera, fault in zip(cameras, ("first fault", "second fault"), strict=True):
        seen(camera)
        camera.statistics.failing = True
        errors.report(f"camera {camera.name}", FrameDecodeError(fault, "Mend it"))
    array = diagnosed(errors, opened, cameras)
    assert entry(array, "camera front").message == "first fault. Mend it."
    assert entry(array, "camera left").message == "second fault. Mend it."
    assert entry(array, "localizer").message == "first fault. Mend it. second fault. Mend it."


def test_a_camera_that_works_again_is_ok_and_the_last_error_stays_to_read(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    front, _ = cameras
    seen(front)
    errors.report("camera front", TORN)
    errors.forget("camera front")
    array = diagnosed(errors, opened, (front,))
    assert entry(array, "camera front").level == OK
    assert entry(array, "localizer").level == OK
    assert values(entry(array, "localizer"))["last error remedy"] == "Check the driver."


def test_a_camera_nobody_publishes_is_told_apart_from_one_with_another_type_or_qos(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...], client: GraphClient
) -> None:
    front, left = cameras
    client.node.create_publisher(Image, "left", 1)
    client.wait_for(left.publishers, "the publisher to be known")
    array = diagnosed(errors, opened, cameras)
    assert entry(array, "camera front").level == WARN
    assert entry(array, "camera front").message == (
        "no image yet on /front (0 publishers): check the driver, the topic name and the remapping."
    )
    assert entry(array, "camera left").message == (
        "no image yet on /left (1 publishers): check its QoS and image type."
    )
    seen(front, ago_s=7.25)
    status = entry(diagnosed(errors, opened, cameras), "camera front")
    assert status.level == WARN
    assert status.message.startswith("no image for 7.")


def test_a_camera_whose_images_are_lost_says_so_whether_some_come_or_none(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    seen(cameras[0])
    for camera in cameras:
        camera.gaps.lost(7)
    array = diagnosed(errors, opened, cameras)
    assert {entry(array, f"camera {name}").level for name in ("front", "left")} == {WARN}
    assert "Hz out: 7 of 7 images of the last 10 s were lost on the way" in entry(array, "camera front").message
    assert entry(array, "camera left").message.startswith("no image yet on /left (0 publishers): check the driver")
    assert "7 of 7 images of the last 10 s were lost on the way" in entry(array, "camera left").message


def test_the_patience_with_a_silent_camera_is_the_parameter(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    patient = some_setup(opened.place_map.path, None, opened, cameras=("front", "left"), camera_timeout_s=60.0)
    seen(cameras[0], ago_s=30.0)
    assert entry(diagnosed(errors, opened, cameras), "camera front").level == WARN
    assert entry(diagnosed(errors, patient, cameras), "camera front").level == OK


def test_every_count_is_shown_and_the_cameras_are_summed_up(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    names = (
        "received", "processed", "dropped", "lost_in_transport", "accepted", "without_stamp", "time_jumps_back",
    )  # fmt: skip
    for camera, first in zip(cameras, (100, 200), strict=True):
        seen(camera)
        for number, name in enumerate(names, start=first):
            setattr(camera.statistics, name, number)
        camera.statistics.last_reason = f"because of {camera.name}"
    array = diagnosed(errors, opened, cameras)
    shown = values(entry(array, "camera left"))
    assert [shown[name.replace("_", " ")] for name in names] == [str(200 + number) for number in range(len(names))]
    assert shown["last reason"] == "because of left"
    assert shown["topics"] == "/left"
    assert shown["extrinsics"].startswith("unknown")
    assert values(entry(array, "localizer"))["accepted"] == "308"


def test_rejections_and_failures_are_counted_by_type(
    errors: ErrorLog, opened: LocalizerSetup, cameras: tuple[CameraInput, ...]
) -> None:
    front, left = (camera.statistics for camera in cameras)
    front.rejections[RejectionType.IMPROBABLE], left.rejections[RejectionType.IMPROBABLE] = 3, 4
    left.rejections[RejectionType.NO_CANDIDATE], left.last_rejection = 5, RejectionType.NO_CANDIDATE
    left.failures[FailureType.IMAGE_UNREADABLE], front.failures[FailureType.MODEL_FAILED] = 6, 7
    array = diagnosed(errors, opened, cameras)
    total, shown = values(entry(array, "localizer")), values(entry(array, "camera left"))
    names = ("rejected", "rejected improbable", "rejected no_candidate", "rejected refuted", "failed")
    assert [total[name] for name in names] == ["12", "7", "5", "0", "13"]
    assert [shown[name] for name in names] == ["9", "4", "5", "0", "6"]
    assert (shown["failed image_unreadable"], shown["failed model_failed"]) == ("6", "0")
    assert shown["last rejection"] == "no_candidate"
    assert values(entry(array, "camera front"))["last rejection"] == "none"


def test_latencies_are_shown_by_stage(errors: ErrorLog) -> None:
    latencies = Latencies()
    for value_ms in range(101):
        latencies.add({"infer": float(value_ms)})
    shown = values(entry(diagnosed(errors, latencies=latencies), "localizer"))
    assert (shown["infer p50 [ms]"], shown["infer p95 [ms]"]) == ("50.00", "95.00")


def test_map_and_model_say_what_they_are(errors: ErrorLog, opened: LocalizerSetup) -> None:
    array = diagnosed(errors, opened)
    shown, info = values(entry(array, "map")), opened.extractor.info
    assert (shown["frames"], shown["frame_id"], shown["on disk"]) == ("12", "map", "yes")
    assert shown["local features"] == "none"
    assert shown["path"] == str(opened.place_map.path)
    model = values(entry(array, "model"))
    assert (model["name"], model["version"], model["sha256"]) == (info.name, info.version, opened.extractor.sha256)
    assert model["descriptor_dim"] == str(info.descriptor_dim)
    assert model["provider"] == opened.extractor.provider
    assert opened.extractor.provider in entry(array, "model").message


def test_a_map_that_could_not_calibrate_itself_is_a_warning(errors: ErrorLog, opened: LocalizerSetup) -> None:
    status = entry(diagnosed(errors, opened), "calibration")
    assert status.level == WARN
    assert status.message.startswith("the map could not calibrate itself (12 frames gave 0 right and 0 wrong answers")
    assert "build_map --append" in status.message
    assert values(status)["kind"] == "default"


def test_a_map_that_calibrated_itself_is_fine(errors: ErrorLog, texture_map: Path) -> None:
    setup = some_setup(texture_map)
    manifest = setup.place_map.manifest
    calibration = replace(manifest.calibration, kind="held_out", samples_right=16, samples_wrong=20)
    setup.place_map.manifest = replace(manifest, calibration=calibration)
    status = entry(diagnosed(errors, setup), "calibration")
    assert (status.level, status.message) == (OK, "fitted on the map's own frames")
    assert (values(status)["right answers"], values(status)["wrong answers"]) == ("16", "20")
    assert values(status)["calibrated on"] == "none"


def test_a_map_that_drives_calibrated_names_them(errors: ErrorLog, texture_map: Path) -> None:
    setup = some_setup(texture_map)
    answers = Tally.of(np.full(30, 100.0), np.arange(30) == 0)
    drive = Drive("monday", "2026-11-23T08:00:00+00:00", answers, 2, "night")
    setup.place_map.manifest = replace(setup.place_map.manifest, drives=(drive,), restated=Restated(1.0, 0.5))
    status = entry(diagnosed(errors, setup), "calibration")
    assert (status.level, status.message) == (OK, "held against drives with known poses: 1")
    assert values(status)["calibrated on"] == "monday (night), 2026-11-23: 27 right, 2 near misses, 1 in a wrong place"


@pytest.mark.parametrize(("replaced", "event"), [(False, "deleted"), (True, "replaced")])
def test_a_map_that_is_gone_from_disk_is_a_warning_with_what_to_do(
    errors: ErrorLog, opened: LocalizerSetup, tmp_path: Path, replaced: bool, event: str
) -> None:
    path = tmp_path / "map"
    shutil.copytree(opened.place_map.path, path)
    setup = some_setup(path, None, opened, cameras=("front", "left"))
    assert entry(diagnosed(errors, setup), "map").level == OK
    path.rename(tmp_path / "elsewhere")
    if replaced:
        shutil.copytree(opened.place_map.path, path)
    status = entry(diagnosed(errors, setup), "map")
    assert status.level == WARN
    assert f"{path} was {event} on disk" in status.message
    assert status.message.endswith("set the parameter map.")
    assert values(status)["on disk"] == ("changed" if replaced else "deleted")
