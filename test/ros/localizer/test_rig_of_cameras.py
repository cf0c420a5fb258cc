# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images of several cameras, answered together by the node, and for how long one waits for another."""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from some_answers import HERE, accepted, some_matches
from some_setup import some_setup

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import SPACING_M, Diagnostics, FakeCamera, GraphClient, StartNode, make_map
from sensor_msgs.msg import Image

from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.ros.localizer.image_job import Answer, Camera, ImageJob, Outcome
from vpr_ros.ros.localizer.rig import MISSES, Rig
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.localizer.worker import NewestFrameWorker
from vpr_ros.simulation.camera import T_BASE_CAMERA

MS = 1_000_000
LEFT, RIGHT = "[0.3, 0.2, 1.4, -0.5, 0.5, -0.5, 0.5]", "[0.3, -0.2, 1.4, -0.5, 0.5, -0.5, 0.5]"
MOUNT = (0.3, 0.0, 1.4, -0.5, 0.5, -0.5, 0.5)
NAMES = ("front", "rear", "left")


@pytest.fixture(scope="module")
def mounted_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a drive whose camera's place on the robot is known."""
    return make_map(tmp_path_factory.mktemp("maps") / "mounted", 8, T_BASE_CAMERA)


@pytest.fixture(scope="module")
def opened(mounted_map: Path) -> LocalizerSetup:
    return some_setup(mounted_map, None, None, NAMES, **{f"T_base_camera.{name}": MOUNT for name in NAMES})


def cameras_of(setup: LocalizerSetup, *alive: str) -> dict[str, Camera]:
    """Those of the names *alive* have just delivered."""
    cameras = {name: Camera(name, setup) for name in setup.settings.cameras}
    for name in alive:
        cameras[name].statistics.last_received_s = time.monotonic()
    return cameras


@pytest.fixture
def cameras(opened: LocalizerSetup) -> dict[str, Camera]:
    return cameras_of(opened, "front", "rear")


@pytest.fixture
def rig(cameras: Mapping[str, Camera]) -> Rig:
    rig = Rig()
    rig.use(cameras.values())
    return rig


def job(camera: Camera, stamp_ms: float, received_s: float | None = None) -> ImageJob:
    return ImageJob(Image(), camera, round(stamp_ms * MS), time.monotonic() if received_s is None else received_s)


def waiting(*jobs: ImageJob) -> dict[Camera, ImageJob]:
    return {known.camera: known for known in jobs}


def test_images_of_one_time_are_answered_together_without_a_wait(rig: Rig, cameras: Mapping[str, Camera]) -> None:
    front, rear = job(cameras["front"], 1000), job(cameras["rear"], 1049)
    assert rig.wait_s(front, waiting(front, rear)) == 0.0
    assert rig.companions(front, waiting(front, rear)) == (rear,)


def test_an_image_waits_for_a_camera_that_may_still_deliver_and_no_longer_than_the_tolerance(
    rig: Rig, cameras: Mapping[str, Camera]
) -> None:
    front = job(cameras["front"], 1000)
    assert 0.0 < rig.wait_s(front, waiting(front)) <= 0.05
    old = job(cameras["rear"], 900)
    assert rig.wait_s(front, waiting(front, old)) > 0.0, "its next image may fit"
    newer = job(cameras["rear"], 1100)
    assert rig.wait_s(front, waiting(front, newer)) == 0.0, "what fitted is gone"
    late = job(cameras["front"], 1000, time.monotonic() - 0.06)
    assert rig.wait_s(late, waiting(late)) == 0.0
    assert rig.companions(front, waiting(front, newer)) == ()


def test_a_newer_image_in_its_place_does_not_prolong_the_wait(rig: Rig, cameras: Mapping[str, Camera]) -> None:
    first = job(cameras["front"], 1000)
    assert rig.wait_s(first, waiting(first)) > 0.0
    newer = job(cameras["front"], 1033, time.monotonic() + 10.0)
    assert rig.wait_s(newer, waiting(newer)) <= 0.05


def test_a_silent_camera_is_not_waited_for_and_said(
    rig: Rig, cameras: Mapping[str, Camera], opened: LocalizerSetup
) -> None:
    front = job(cameras["front"], 1000)
    cameras["rear"].statistics.last_received_s = time.monotonic() - 60.0
    assert rig.wait_s(front, waiting(front)) == 0.0
    report = rig.report(opened)
    assert report is not None
    assert report.faults == tuple(
        f"{name} is silent and left out until it delivers images" for name in ("rear", "left")
    )
    cameras["rear"].statistics.last_received_s = time.monotonic()
    assert rig.wait_s(front, waiting(front)) > 0.0


def test_a_camera_of_another_clock_is_not_waited_for_until_an_image_fits(
    rig: Rig, cameras: Mapping[str, Camera], opened: LocalizerSetup
) -> None:
    for turn in range(MISSES):
        front, rear = job(cameras["front"], 1000 * turn), job(cameras["rear"], 1000 * turn + 300)
        assert rig.companions(front, waiting(front, rear)) == ()
    front = job(cameras["front"], 99_000)
    assert rig.wait_s(front, waiting(front)) == 0.0
    report = rig.report(opened)
    assert report is not None and "of other times than the others' (300 ms)" in report.faults[0]
    fitting = job(cameras["rear"], 99_010)
    assert rig.companions(front, waiting(front, fitting)) == (fitting,)
    assert rig.wait_s(front, waiting(front)) > 0.0


@pytest.mark.parametrize("mounts_known", [True, False])
def test_where_it_is_off_or_a_mount_is_a_guess_each_answers_alone_and_says_why(
    mounted_map: Path, opened: LocalizerSetup, mounts_known: bool
) -> None:
    mounts = {f"T_base_camera.{name}": MOUNT for name in NAMES} if mounts_known else {"T_base_camera.front": MOUNT}
    off = {"rig.max_stamp_difference_ms": 0.0} if mounts_known else {}
    setup = some_setup(mounted_map, None, opened, NAMES, **mounts, **off)
    cameras, rig = cameras_of(setup, *NAMES), Rig()
    rig.use(cameras.values())
    front, rear = job(cameras["front"], 1000), job(cameras["rear"], 1000)
    assert rig.wait_s(front, waiting(front)) == 0.0
    assert rig.companions(front, waiting(front, rear)) == ()
    report = rig.report(setup)
    assert report is not None and not report.faults
    assert report.message.startswith("each camera answers alone: ")
    assert ("is 0" if mounts_known else "nobody says where rear and left sit on base_link") in report.message


def said(camera: str, pose: Pose = HERE) -> Localization:
    return replace(accepted(pose), camera=camera, matches=some_matches([pose]), probability=0.75)


def test_a_camera_whose_mount_contradicts_is_named_and_left_out(
    rig: Rig, cameras: Mapping[str, Camera], opened: LocalizerSetup
) -> None:
    turned = HERE.compose(Pose.from_xy_yaw(0.0, 0.0, 3.0))
    small = {"covariance": 1e-4 * accepted().covariance}  # type: ignore[operator]
    for _ in range(20):
        both = rig.fused(opened, [replace(said("rear", turned), **small), replace(said("front"), **small)])  # type: ignore[arg-type]
    assert both.camera == "front"
    assert both.T_map_base == HERE
    report = rig.report(opened)
    assert report is not None
    difference = "over 12 answers its base lies 0.00 m and 172 degrees from that of front"
    assert f"rear is left out: {difference}" in report.faults[0]
    assert report.values["left out for its mount"] == "rear"


def test_one_turn_of_the_worker_answers_all_who_asked_about_images_of_that_time(
    rig: Rig, cameras: Mapping[str, Camera]
) -> None:
    worked: list[ImageJob] = []
    answer = Answer(accepted(), "map")
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def process(known: ImageJob) -> Answer:
        worked.append(known)
        return answer

    worker = NewestFrameWorker(process, rig)
    for name, stamp_ms in (("front", 1000), ("rear", 1020)):
        known = job(cameras[name], stamp_ms)
        known.askers.append(outcomes.put)
        worker.offer(known)
    worker.start()
    assert all(outcomes.get(timeout=10.0) is answer for _ in range(2))
    worker.stop()
    assert len(worked) == 1 and len(worked[0].companions) == 1


def test_who_asks_is_answered_with_the_newest_images_of_one_time(rig: Rig, cameras: Mapping[str, Camera]) -> None:
    front, rear = job(cameras["front"], 1000), job(cameras["rear"], 1049)
    asked = rig.with_newest(front, [front, rear])
    assert [known.camera.name for known in asked.companions] == ["rear"]
    assert rig.wait_s(asked, waiting(asked)) == 0.0
    assert rig.companions(asked, waiting(asked)) == asked.companions
    assert rig.with_newest(front, [front, job(cameras["rear"], 1051)]).companions == ()


def test_the_node_answers_two_cameras_together_goes_on_with_one_and_takes_the_other_back(
    mounted_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    poses = client.collect(PoseWithCovarianceStamped, "/vpr_localizer/pose", 100)
    statuses = client.collect(DiagnosticArray, "/vpr_localizer/status", 100)
    left, right = FakeCamera(client, "/left"), FakeCamera(client, "/right")
    left.place = right.place = 4
    start_localizer(
        *("-p", f"T_base_camera.left:={LEFT}", "-p", f"T_base_camera.right:={RIGHT}"),
        map=mounted_map, cameras="[left, right]", image_topics="[left, right]", camera_timeout_s="0.5",
    )  # fmt: skip

    def both() -> None:
        stamp_ns = time.time_ns()
        for camera in (left, right):
            camera.publish(stamp_ns)

    def together(status: DiagnosticArray) -> bool:
        found = {pair.key: pair.value for pair in status.status[0].values}
        return all(found.get(f"camera {name}", "").startswith("agrees") for name in ("left", "right"))

    client.wait_for(lambda: statuses and together(statuses[-1]), "an answer of both", both)
    assert poses[-1].pose.pose.position.x == pytest.approx(4 * SPACING_M, abs=0.5)
    client.wait_for(lambda: diagnostics.level("rig") == 0, "a rig without a fault", both)
    client.wait_for(lambda: diagnostics.level("rig") == 1, "the silent camera to be named", left.publish)
    assert "right is silent and left out" in diagnostics.message("rig")
    before = len(poses)
    client.wait_for(lambda: len(poses) > before, "answers of one", left.publish)
    statuses.clear()
    client.wait_for(lambda: statuses and together(statuses[-1]), "both again", both)
