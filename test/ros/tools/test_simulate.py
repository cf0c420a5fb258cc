# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The simulator: recording without ROS, and a robot on the graph."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from geometry_msgs.msg import PoseStamped
from harness import GraphClient, RosProcess
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from vpr_ros.core.image_codec import decode_raw
from vpr_ros.core.message_fields import pose_of, stamp_ns_of, transform_of
from vpr_ros.core.pose import Pose
from vpr_ros.ros.tools.simulate import build_parser, main, simulated_source
from vpr_ros.ros.tools.simulate_publisher import to_odometry
from vpr_ros.simulation.odometry import OdometryNoise, noisy_odometry
from vpr_ros.sources import SourceOptions, open_source

ROOT = Path(__file__).resolve().parents[3]
MODULE = "vpr_ros.ros.tools.simulate"
DRIVE = ("--seed", "3", "--distance-m", "6", "--rate-hz", "4", "--width-px", "160", "--height-px", "120")
FRAMES = 4
PLANAR = [0, 1, 5]
CHI_SQUARE_95_OF_2 = 5.991
WITHOUT_ROS = "import sys; sys.modules['rclpy'] = None; from vpr_ros.ros.tools.simulate import main; sys.exit(main())"

StartProcess = Callable[..., RosProcess]


def record(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a Python where ROS cannot be imported."""
    command = [sys.executable, "-c", WITHOUT_ROS, *DRIVE, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_records_a_bag_without_ros(tmp_path: Path, storage: str) -> None:
    done = record("--record", str(tmp_path / "drive"), "--storage", storage)
    assert done.returncode == 0, done.stderr
    drive, simulated = open_source(tmp_path / "drive"), simulated_source(build_parser().parse_args(DRIVE))
    assert [camera.intrinsics for camera in drive.cameras.values()] == [simulated.camera]
    recorded, expected = list(drive), list(simulated)
    assert len(recorded) == len(expected) == FRAMES
    for found, wanted in zip(recorded, expected, strict=True):
        assert found.T_map_base is not None and wanted.T_map_base is not None
        assert found.stamp_ns == wanted.stamp_ns
        assert found.T_map_base.distance_m(wanted.T_map_base) < 1e-6
    np.testing.assert_array_equal(recorded[0].load_image(), expected[0].load_image())


@pytest.mark.slow
def test_records_a_folder_without_ros(tmp_path: Path) -> None:
    done = record("--record", str(tmp_path / "drive"), "--storage", "folder", "--labels")
    assert done.returncode == 0, done.stderr
    options = SourceOptions(poses=tmp_path / "drive" / "trajectory.txt")
    drive = open_source(tmp_path / "drive" / "images", options)
    assert len(drive) == FRAMES
    source = simulated_source(build_parser().parse_args(DRIVE))
    assert drive.cameras["camera"].intrinsics == source.camera
    assert not (tmp_path / "drive" / "depth").exists()
    label = cv2.imread(str(tmp_path / "drive" / "labels" / f"{source.poses[1][0]}.png"), cv2.IMREAD_UNCHANGED)
    assert label is not None
    np.testing.assert_array_equal(label, source.rendering(1).label)


def test_labels_are_asked_for_where_a_folder_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--labels"], ["--labels", "--record", str(tmp_path / "drive")]):
        assert main(arguments) == 2
        assert "Add --record PATH --storage folder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive" / "precious").touch()
    done = record("--record", str(tmp_path / "drive"))
    assert done.returncode == 2
    assert "exists already" in done.stderr and done.stderr.count("\n") == 1
    assert (tmp_path / "drive" / "precious").exists()


def test_a_robot_drives_on_the_graph(start_process: StartProcess, client: GraphClient) -> None:
    images = client.collect(Image, "/image", qos_profile_sensor_data)
    infos = client.collect(CameraInfo, "/camera_info", qos_profile_sensor_data)
    odometry = client.collect(Odometry, "/odom", QoSProfile(depth=100))
    truths = client.collect(PoseStamped, "/simulate/ground_truth", QoSProfile(depth=100))
    robot = start_process(MODULE, *DRIVE, "--wait-for-subscriber", "--wait-for", "/test_client")
    client.wait_for(lambda: min(len(images), len(infos), len(odometry), len(truths)) >= FRAMES, "the drive")
    assert robot.process.wait(60) == 0
    assert f"published {FRAMES} images" in robot.output
    source = simulated_source(build_parser().parse_args(DRIVE))
    image = images[0]
    assert decode_raw(image.data, image.height, image.width, image.encoding, image.step).shape == (120, 160, 3)
    np.testing.assert_allclose(np.asarray(infos[0].k).reshape(3, 3), source.camera.matrix)
    assert odometry[0].header.frame_id == "odom" and odometry[0].child_frame_id == "base_link"
    true_at = {stamp_ns_of(truth.header.stamp): truth.pose.position for truth in truths}
    assert stamp_ns_of(image.header.stamp) in true_at
    believed = {stamp_ns_of(message.header.stamp): message.pose.pose.position for message in odometry}
    common = sorted(set(true_at) & set(believed))
    travelled_m = [
        np.hypot(at[common[-1]].x - at[common[0]].x, at[common[-1]].y - at[common[0]].y) for at in (true_at, believed)
    ]
    assert travelled_m[0] > 1.0
    assert 0 < abs(travelled_m[1] - travelled_m[0]) < 0.2 * travelled_m[0]
    spread_m2 = [message.pose.covariance[0] for message in odometry]
    assert 0 < spread_m2[0] < spread_m2[-1] < 1.0
    check_velocities(odometry)
    assert np.linalg.eigvalsh(np.reshape(odometry[-1].twist.covariance, (6, 6))).min() > 0
    noise = OdometryNoise()
    expected = (noise.scale**2 + noise.slip**2) * odometry[-1].twist.twist.linear.x ** 2
    assert odometry[-1].twist.covariance[0] == pytest.approx(expected, rel=0.01)


def check_velocities(odometry: list[Odometry]) -> None:
    """Poses and stamps of the messages say the same as their velocities."""
    for before, now in itertools.pairwise(odometry):
        elapsed_s = (stamp_ns_of(now.header.stamp) - stamp_ns_of(before.header.stamp)) / 1e9
        moved = pose_of(before.pose.pose).inverse().compose(pose_of(now.pose.pose))
        assert twist(now)[:2] * elapsed_s == pytest.approx(np.asarray(moved.position_m[:2]), abs=1e-6)
        assert twist(now)[2] * elapsed_s == pytest.approx(moved.rotation.as_euler("ZYX")[0], abs=1e-6)


def test_velocities_keep_to_the_stamps_where_rendering_is_too_slow(
    start_process: StartProcess, client: GraphClient
) -> None:
    """Frames of this size take longer to render than the period asked for."""
    odometry = client.collect(Odometry, "/odom", QoSProfile(depth=100))
    fast = ("--seed", "3", "--distance-m", "0.5", "--rate-hz", "100", "--width-px", "640", "--height-px", "480")
    start_process(MODULE, *fast, "--wait-for-subscriber", "--wait-for", "/test_client")
    client.collect(Image, "/image", qos_profile_sensor_data)
    client.wait_for(lambda: len(odometry) >= 6, "some odometry")
    check_velocities(odometry)


def test_a_motion_played_slower_is_slower_and_as_uncertain_as_it_is_slow() -> None:
    drive = simulated_source(build_parser().parse_args(DRIVE)).poses
    reading = noisy_odometry(drive, 1)[-1]
    half = reading.played(0.5)
    assert (half.forward_mps, half.yaw_radps) == (reading.forward_mps / 2, reading.yaw_radps / 2)
    np.testing.assert_allclose(half.twist_covariance, reading.twist_covariance / 4)
    assert (half.T_odom_base, half.stamp_ns) == (reading.T_odom_base, reading.stamp_ns)


def test_the_robot_s_tree_leads_from_odometry_to_the_camera(start_process: StartProcess, client: GraphClient) -> None:
    messages = pytest.importorskip("tf2_msgs.msg", reason="needs tf2_msgs of a ROS installation; PyPI has none")
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    moving = client.collect(messages.TFMessage, "/tf", QoSProfile(depth=100))
    fixed = client.collect(messages.TFMessage, "/tf_static", latched)
    odometry = client.collect(Odometry, "/odom", QoSProfile(depth=100))
    client.collect(Image, "/image", qos_profile_sensor_data)
    start_process(MODULE, *DRIVE, "--wait-for-subscriber", "--wait-for", "/test_client")
    client.wait_for(lambda: len(moving) == len(odometry) == FRAMES and fixed, "the drive to its last message")
    source = simulated_source(build_parser().parse_args(DRIVE))
    (mount,) = fixed[0].transforms
    assert (mount.header.frame_id, mount.child_frame_id) == ("base_link", "camera_optical_frame")
    shift = mount.transform.translation
    assert (shift.x, shift.y, shift.z) == pytest.approx(source.T_base_camera.position_m)
    for tree, message in zip(moving, odometry, strict=True):
        (transform,) = tree.transforms
        assert (transform.header.frame_id, transform.child_frame_id) == ("odom", "base_link")
        assert transform.header.stamp == message.header.stamp
        sent, believed = transform_of(transform.transform), pose_of(message.pose.pose)
        assert sent.distance_m(believed) < 1e-9 and sent.angle_rad(believed) < 1e-6


@pytest.mark.slow
def test_a_recording_that_is_terminated_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_ROS, "--storage", "folder", "--record", str(tmp_path / "drive")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".drive.*/drive/images/*")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_drive_and_the_count_is_told(
    sent: signal.Signals, start_process: StartProcess, client: GraphClient
) -> None:
    images = client.collect(Image, "/image", qos_profile_sensor_data)
    robot = start_process(MODULE, "--width-px", "160", "--height-px", "120", "--wait-for-subscriber")
    client.wait_for(lambda: len(images) >= 1, "the drive to begin")
    robot.process.send_signal(sent)
    assert robot.process.wait(30) == 0
    assert "Traceback" not in robot.output
    told = int(robot.output.split("published ")[1].split()[0])
    assert told >= len(images) - 1  # the signal may come between an image and its count


@pytest.mark.slow
def test_the_published_twist_is_as_far_off_as_its_covariance_says() -> None:
    drive = simulated_source(build_parser().parse_args(("--seed", "3", "--distance-m", "60"))).poses
    true = [twist(to_odometry(reading, 0)) for reading in noisy_odometry(drive, 0, OdometryNoise(0.0, 0.0, 0.0, 0.0))]
    squared = []
    for seed in range(40):
        messages = [to_odometry(reading, 0) for reading in noisy_odometry(drive, seed)]
        for message, right in list(zip(messages, true, strict=True))[1:]:
            covariance = np.reshape(message.twist.covariance, (6, 6))[np.ix_(PLANAR, PLANAR)]
            error = twist(message) - right
            squared.append(error @ np.linalg.solve(covariance, error))
    # Two errors are drawn for each motion, of its length and of its turn: chi-square with 2 degrees of freedom. The
    # constant part of a drive's errors leaves 40 independent drives: the mean of 2 deviates by about 0.1.
    assert len(squared) > 1500
    assert 1.7 < np.mean(squared) < 2.3
    assert np.mean(np.asarray(squared) > CHI_SQUARE_95_OF_2) == pytest.approx(0.05, abs=0.03)


def test_the_first_twist_is_not_known() -> None:
    first = to_odometry(noisy_odometry(((0, Pose((0.0, 0.0, 0.0))),), 1)[0], 0)
    assert np.diag(np.reshape(first.twist.covariance, (6, 6)))[PLANAR].min() >= 1e4
    assert np.diag(np.reshape(first.pose.covariance, (6, 6))).max() < 1e-3  # where it began is the origin of odom


def twist(message: Odometry) -> npt.NDArray[np.float64]:
    """Forward, left, turn."""
    velocity = message.twist.twist
    return np.array([velocity.linear.x, velocity.linear.y, velocity.angular.z])
