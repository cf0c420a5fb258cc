# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What robot_localization and AMCL do with a pose, by their own rules, on poses of the real node over DDS.

The rules are those of ``ekf.cpp`` and ``ros_filter.cpp`` of robot_localization, and of ``amcl_node.cpp`` of Nav2, from
Humble to Jazzy. Where ekf_node is installed it is asked itself.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml
from geometry_msgs.msg import PoseWithCovarianceStamped, TransformStamped
from harness import SPACING_M, FakeCamera, GraphClient, RosProcess
from nav_msgs.msg import Odometry

NODE_MODULE = "vpr_ros.ros.localizer.node"
CONFIG = Path(__file__).resolve().parents[3] / "config"
PLACES = (3, 4, 5)
FUSED = [0, 1, 5]
"""x, y and yaw of a covariance of six."""


def parameters(file: str, node: str) -> dict[str, Any]:
    return dict(yaml.safe_load((CONFIG / file).read_text(encoding="utf-8"))[node]["ros__parameters"])


def covariance_of(message: PoseWithCovarianceStamped) -> npt.NDArray[np.float64]:
    return np.asarray(message.pose.covariance, dtype=np.float64).reshape(6, 6)


def measured(message: PoseWithCovarianceStamped) -> npt.NDArray[np.float64]:
    """(3,) x, y, yaw."""
    pose = message.pose.pose
    return np.array([pose.position.x, pose.position.y, 2.0 * np.arctan2(pose.orientation.z, pose.orientation.w)])


def _is_at(message: PoseWithCovarianceStamped, place: int) -> bool:
    return bool(abs(message.pose.pose.position.x - place * SPACING_M) < 0.5)


def stamp_ns(message: PoseWithCovarianceStamped) -> int:
    return int(message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec)


@dataclass
class Filter:
    """The part of robot_localization that decides about a pose: state and covariance of x, y, yaw.

    Attributes:
        threshold: ``pose0_rejection_threshold``.
    """

    threshold: float
    covariance: npt.NDArray[np.float64]
    state: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))

    @classmethod
    def configured(cls) -> Filter:
        said = parameters("ekf_map.yaml", "ekf_map")
        whole = np.reshape(said["initial_estimate_covariance"], (15, 15))
        return cls(float(said["pose0_rejection_threshold"]), whole[np.ix_(FUSED, FUSED)])

    def fuse(self, message: PoseWithCovarianceStamped) -> bool:
        """Whether the pose passes the gate; the state then moves."""
        measurement = covariance_of(message)[np.ix_(FUSED, FUSED)]
        innovation = measured(message) - self.state
        innovation[2] = (innovation[2] + np.pi) % (2 * np.pi) - np.pi
        inverse = np.linalg.inv(self.covariance + measurement)
        if innovation @ inverse @ innovation >= self.threshold**2:
            return False
        gain = self.covariance @ inverse
        self.state = self.state + gain @ innovation
        self.covariance = (np.eye(3) - gain) @ self.covariance
        return True

    def drive(self, distance_m: float) -> None:
        """Predict a metre's drive in the direction of x, by odometry that is good to a tenth."""
        self.state = self.state + np.array([distance_m, 0.0, 0.0])
        self.covariance = self.covariance + np.diag([(0.1 * distance_m) ** 2] * 2 + [0.01**2])


@dataclass
class Drive:
    """What the node said of a few places, and where the localizer goes on running."""

    poses: list[PoseWithCovarianceStamped]
    initial: list[PoseWithCovarianceStamped]
    client: GraphClient
    camera: FakeCamera


@pytest.fixture(scope="module")
def drive(ros_env: dict[str, str], texture_map: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drive]:
    """Three places, one after the other, localized by a node that runs with the settings of ``amcl_hand_over.yaml``."""
    log = tmp_path_factory.mktemp("node") / "log"
    settings = CONFIG / "amcl_hand_over.yaml"
    arguments = ["--ros-args", "--params-file", str(settings), "-p", f"map:={texture_map}"]
    with ExitStack() as stack:
        stack.enter_context(RosProcess(NODE_MODULE, arguments, ros_env, log))
        client, amcl = GraphClient("client"), GraphClient("amcl")
        stack.callback(client.close)
        stack.callback(amcl.close)
        poses = client.collect(PoseWithCovarianceStamped, "/vpr_localizer/pose")
        initial = amcl.collect(PoseWithCovarianceStamped, "/initialpose")
        camera = FakeCamera(client)
        for camera.place in PLACES:
            client.wait_for(lambda: poses and _is_at(poses[-1], camera.place), "a pose of the place", camera.publish)
        amcl.wait_for(lambda: initial, "the initial pose")
        yield Drive(poses, initial, client, camera)


def test_a_filter_can_read_every_pose(drive: Drive) -> None:
    said = parameters("ekf_map.yaml", "ekf_map")
    assert said["pose0"] == "/vpr_localizer/pose" and said["world_frame"] == said["map_frame"]
    for pose in drive.poses:
        assert pose.header.frame_id == said["map_frame"]
        turn = pose.pose.pose.orientation
        assert np.linalg.norm([turn.x, turn.y, turn.z, turn.w]) == pytest.approx(1.0, abs=1e-6)
        covariance = covariance_of(pose)
        np.testing.assert_array_equal(covariance, covariance.T)
        assert np.linalg.eigvalsh(covariance).min() > 1e-9  # smaller ones are raised to that
    stamps = [stamp_ns(pose) for pose in drive.poses]
    assert all(before < after for before, after in pairwise(stamps))  # else it is dropped


def test_a_filter_fuses_what_the_pose_says_and_nothing_else() -> None:
    said = parameters("ekf_map.yaml", "ekf_map")
    assert [number for number, is_fused in enumerate(said["pose0_config"]) if is_fused] == FUSED
    assert not any(said["odom0_config"][:6])  # its position is not that of the map
    assert said["pose0_differential"] is False and said["pose0_relative"] is False
    for name, count in (("pose0_config", 15), ("odom0_config", 15), ("initial_estimate_covariance", 225)):
        assert len(said[name]) == count  # Humble reads the whole matrix alone
        assert len({type(value) for value in said[name]}) == 1  # rcl takes no lists of two types


def moved(message: PoseWithCovarianceStamped, along_x_m: float) -> PoseWithCovarianceStamped:
    copied = deepcopy(message)
    copied.pose.pose.position.x += along_x_m
    return copied


def first_of_each_place(drive: Drive) -> list[PoseWithCovarianceStamped]:
    return [next(pose for pose in drive.poses if _is_at(pose, place)) for place in PLACES]


def test_the_gate_lets_the_first_pose_in_and_those_that_follow_by_odometry(drive: Drive) -> None:
    ekf = Filter.configured()
    for pose in first_of_each_place(drive):
        assert ekf.fuse(pose)
        assert abs(ekf.state[0] - pose.pose.pose.position.x) < 0.5
        ekf.drive(SPACING_M)


def test_the_gate_refuses_a_pose_of_another_place(drive: Drive) -> None:
    here, *_ = first_of_each_place(drive)
    ekf = Filter.configured()
    for _ in range(3):
        assert ekf.fuse(here)
    before = ekf.state.copy()
    assert not ekf.fuse(moved(here, 50.0))
    np.testing.assert_array_equal(ekf.state, before)


def test_a_filter_that_begins_sure_of_its_zero_never_hears_of_the_place(drive: Drive) -> None:
    """The trap of docs/consumers.md, which the initial covariance of the settings avoids."""
    far = moved(drive.poses[0], 200.0)
    sure = Filter.configured()
    sure.covariance = np.diag([1.0, 1.0, 1.0])
    assert not sure.fuse(far)
    assert Filter.configured().fuse(far)


def test_amcl_takes_the_pose_that_is_handed_over(drive: Drive) -> None:
    (pose,) = drive.initial
    said = parameters("amcl_hand_over.yaml", "amcl")
    assert said["set_initial_pose"] is False
    assert pose.header.frame_id == said["global_frame_id"]  # no slash, letter by letter: another is ignored
    assert stamp_ns(pose) in [stamp_ns(other) for other in drive.poses]  # of its image, for the odometry since then
    covariance = covariance_of(pose)
    assert np.isfinite(covariance).all()
    taken = covariance[np.ix_(FUSED, FUSED)].diagonal()
    assert (taken > 0).all() and (taken[:2] < 10.0**2).all()  # AMCL draws its particles from these
    cells = 400  # Jazzy compares metres with cells
    assert max(abs(pose.pose.pose.position.x), abs(pose.pose.pose.position.y)) < cells


def ekf_executable() -> Path | None:
    prefixes = filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
    found = (Path(prefix) / "lib" / "robot_localization" / "ekf_node" for prefix in prefixes)
    return next((path for path in found if path.is_file()), None)


@pytest.mark.slow
def test_a_real_ekf_node_goes_to_where_the_images_say(drive: Drive, ros_env: dict[str, str], tmp_path: Path) -> None:
    executable = ekf_executable()
    if executable is None:
        pytest.skip("robot_localization is not installed")
    client, camera = drive.client, drive.camera
    filtered = client.collect(Odometry, "/odometry/filtered")
    odometry = client.node.create_publisher(Odometry, "/odom", 10)
    messages = pytest.importorskip("tf2_msgs.msg")
    transforms = client.node.create_publisher(messages.TFMessage, "/tf", 10)

    def stand_still() -> None:
        now = client.node.get_clock().now().to_msg()
        standing = Odometry(child_frame_id="base_link")
        standing.header.frame_id, standing.header.stamp = "odom", now
        standing.twist.covariance = np.diag([1e-4] * 6).reshape(36)
        odometry.publish(standing)
        T_odom_base = TransformStamped(header=standing.header, child_frame_id="base_link")
        T_odom_base.transform.rotation.w = 1.0
        transforms.publish(messages.TFMessage(transforms=[T_odom_base]))
        camera.publish()

    there_m = camera.place * SPACING_M
    command = [str(executable), "--ros-args", "-r", "__node:=ekf_map", "--params-file", str(CONFIG / "ekf_map.yaml")]
    log = (tmp_path / "ekf.log").open("wb")
    with log, subprocess.Popen(command, env=ros_env, stdout=log, stderr=log) as ekf:
        try:
            client.wait_for(
                lambda: filtered and abs(filtered[-1].pose.pose.position.x - there_m) < 0.5, "the filter", stand_still
            )
        finally:
            ekf.terminate()
