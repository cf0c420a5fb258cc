# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The player as a process: what a recording holds arrives, with its truth, at its rate, and then it ends."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from harness import SPACING_M, Diagnostics, GraphClient, RosProcess, TextureSource, texture
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import CameraMount
from vpr_ros.core.image_codec import decode_compressed, decode_raw
from vpr_ros.core.message_fields import stamp_ns_of
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_writer import BagLayout, StampedPose, write_bag

MODULE = "vpr_ros.ros.tools.play"
PLACES = 6
FAST = ("--rate-factor", "10", "--wait-for-subscriber")
RELIABLE_QOS = QoSProfile(depth=100)

StartProcess = Callable[..., RosProcess]


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "drive"
    write_bag(path, (record.load() for record in TextureSource(PLACES)))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images without poses; the third is damaged."""
    path = tmp_path_factory.mktemp("images")
    for place in range(PLACES):
        encoded = cv2.imencode(".png", texture(place)[..., ::-1])[1].tobytes()
        whole = place != 2
        (path / f"{1_000_000_000 * (place + 1)}.png").write_bytes(encoded if whole else encoded[: len(encoded) // 2])
    return path


def test_plays_images_with_their_truth_and_ends(bag: Path, start_process: StartProcess, client: GraphClient) -> None:
    images = client.collect(Image, "/image", RELIABLE_QOS)
    truths = client.collect(PoseStamped, "/play/ground_truth", RELIABLE_QOS)
    player = start_process(MODULE, str(bag), *FAST)
    client.wait_for(lambda: len(images) == PLACES and len(truths) == PLACES, "the whole recording")
    assert player.process.wait(30) == 0
    assert f"played {PLACES} images" in player.output
    assert [stamp_ns_of(truth.header.stamp) for truth in truths] == [
        stamp_ns_of(image.header.stamp) for image in images
    ]
    assert [truth.pose.position.x for truth in truths] == pytest.approx([SPACING_M * k for k in range(PLACES)])
    for place, image in enumerate(images):
        pixels = decode_raw(image.data, image.height, image.width, image.encoding, image.step)
        np.testing.assert_array_equal(pixels, texture(place))


def test_how_the_camera_sees_is_published_beside_the_images(
    tmp_path: Path, start_process: StartProcess, client: GraphClient
) -> None:
    lens = CameraIntrinsics(160, 120, 90.0, 91.0, 79.5, 59.5)
    mounts = {"camera": CameraMount("camera", "camera_optical_frame", None, lens)}
    frames = (replace(record.load(), image_rgb=np.zeros((120, 160, 3), np.uint8)) for record in TextureSource(PLACES))
    write_bag(tmp_path / "drive", frames, layout=BagLayout(mounts=mounts))
    images = client.collect(Image, "/front/image_raw", RELIABLE_QOS)
    infos = client.collect(CameraInfo, "/front/camera_info", RELIABLE_QOS)
    start_process(MODULE, str(tmp_path / "drive"), *FAST, "--ros-args", "-r", "image:=/front/image_raw")
    client.wait_for(lambda: len(images) == PLACES and len(infos) == PLACES, "the whole recording")
    assert [info.header for info in infos] == [image.header for image in images]
    np.testing.assert_allclose(np.asarray(infos[0].k).reshape(3, 3), lens.matrix)


def test_the_truth_is_seen_from_the_zero_of_a_map(bag: Path, start_process: StartProcess, client: GraphClient) -> None:
    images = client.collect(Image, "/image", RELIABLE_QOS)
    truths = client.collect(PoseStamped, "/play/ground_truth", RELIABLE_QOS)
    start_process(MODULE, str(bag), "--origin", "500.5", "-20", "3", *FAST)
    client.wait_for(lambda: len(images) == PLACES and len(truths) == PLACES, "the whole recording")
    last = truths[-1].pose.position
    assert (last.x, last.y, last.z) == pytest.approx((SPACING_M * (PLACES - 1) - 500.5, 20.0, -3.0))


def test_images_come_at_the_recorded_intervals(bag: Path, start_process: StartProcess, client: GraphClient) -> None:
    images = client.collect(Image, "/image", RELIABLE_QOS)
    start_process(MODULE, str(bag), *FAST)
    client.wait_for(lambda: len(images) == PLACES, "the whole recording")
    stamps_s = np.array([stamp_ns_of(image.header.stamp) for image in images]) / 1e9
    # Recorded once a second, played ten times faster; never early, and a late frame does not delay the next ones.
    assert (stamps_s - stamps_s[0] >= 0.1 * np.arange(PLACES) - 0.03).all()


def test_recorded_stamps(bag: Path, start_process: StartProcess, client: GraphClient) -> None:
    images = client.collect(Image, "/image", RELIABLE_QOS)
    start_process(MODULE, str(bag), *FAST, "--stamps", "recorded")
    client.wait_for(lambda: len(images) == PLACES, "the whole recording")
    assert [stamp_ns_of(image.header.stamp) for image in images] == [10**9 * (k + 1) for k in range(PLACES)]


def test_a_folder_without_poses_plays_compressed_and_leaves_out_what_does_not_decode(
    folder: Path, start_process: StartProcess, client: GraphClient
) -> None:
    images = client.collect(CompressedImage, "/image/compressed", qos_profile_sensor_data)
    truths = client.collect(PoseStamped, "/play/ground_truth", RELIABLE_QOS)
    player = start_process(MODULE, str(folder), *FAST, "--compressed")
    client.wait_for(lambda: len(images) == PLACES - 1, "the images that decode")
    assert player.process.wait(30) == 0
    assert "3000000000.png" in player.output
    assert truths == []
    first = decode_compressed(images[0].data, "image", images[0].format)
    assert np.abs(first.astype(int) - texture(0)).mean() < 12  # blocks of noise are the worst case of a JPEG


def test_poses_on_another_clock_do_not_stop_the_images(
    tmp_path: Path, start_process: StartProcess, client: GraphClient
) -> None:
    frames = (replace(record.load(), T_map_base=None) for record in TextureSource(PLACES))
    odometry = [StampedPose(stamp_ns, Pose((1.0, 0.0, 0.0))) for stamp_ns in (10**15, 2 * 10**15)]
    write_bag(tmp_path / "drive", frames, odometry)
    images = client.collect(Image, "/image", RELIABLE_QOS)
    truths = client.collect(PoseStamped, "/play/ground_truth", RELIABLE_QOS)
    player = start_process(MODULE, str(tmp_path / "drive"), *FAST)
    client.wait_for(lambda: len(images) == PLACES, "every image")
    assert player.process.wait(30) == 0
    assert truths == []
    warned = [line for line in player.output.splitlines() if "[WARN]" in line]
    assert len(warned) == 1
    assert "poses of /odom are not used" in warned[0]
    assert "never overlap" in warned[0]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_loop_and_the_count_is_told(
    sent: signal.Signals, bag: Path, start_process: StartProcess, client: GraphClient
) -> None:
    images = client.collect(Image, "/image", RELIABLE_QOS)
    player = start_process(MODULE, str(bag), *FAST, "--loop")
    client.wait_for(lambda: len(images) > PLACES, "the recording to begin again")
    player.process.send_signal(sent)
    assert player.process.wait(30) == 0
    assert "Traceback" not in player.output
    told = int(player.output.split("played ")[1].split()[0])
    assert told >= len(images) - 1  # the signal may come between an image and its count


def test_the_recorded_time_comes_on_clock_and_never_behind_an_image(
    bag: Path, start_process: StartProcess, client: GraphClient
) -> None:
    seen: list[tuple[str, int]] = []

    def on_clock(message: Clock) -> None:
        seen.append(("clock", stamp_ns_of(message.clock)))

    def on_image(message: Image) -> None:
        seen.append(("image", stamp_ns_of(message.header.stamp)))

    client.node.create_subscription(Clock, "/clock", on_clock, RELIABLE_QOS)
    client.node.create_subscription(Image, "/image", on_image, RELIABLE_QOS)
    player = start_process(MODULE, str(bag), *FAST, "--clock", "--wait-for", "test_client")
    client.wait_for(lambda: [kind for kind, _ in seen].count("image") == PLACES, "the whole recording")
    assert player.process.wait(30) == 0
    assert [ns for kind, ns in seen if kind == "image"] == [10**9 * (k + 1) for k in range(PLACES)]
    times_ns = [ns for kind, ns in seen if kind == "clock"]
    assert times_ns == sorted(times_ns) and (times_ns[0], times_ns[-1]) == (10**9, 10**9 * PLACES)
    assert len(times_ns) > 4 * PLACES, "time passes between the images too"
    assert set(times_ns) >= {10**9 * (k + 1) for k in range(PLACES)}


def test_a_node_with_simulated_time_runs_on_the_player_s_clock(
    bag: Path, texture_map: Path, start_process: StartProcess, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_process("vpr_ros.ros.localizer.node", "--ros-args", "-p", f"map:={texture_map}", "-p", "use_sim_time:=true")
    client.wait_for(lambda: "use_sim_time" in diagnostics.message("localizer"), "the node without time")
    start_process(MODULE, str(bag), "--rate-factor", "2", "--loop", "--clock", "--wait-for", "vpr_localizer")
    client.wait_for(lambda: diagnostics.message("localizer") == "localizing", "the node with time")
    client.wait_for(lambda: diagnostics.value("localizer", "transport p50 [ms]"), "images of its own time")
    assert 0 <= float(diagnostics.value("localizer", "transport p50 [ms]")) < 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((".", "--clock", "--stamps", "now"), "--clock"),
        (("no_such_recording",), "no_such_recording"),
        ((".", "--rate-factor", "-1"), "--rate-factor"),
    ],
)
def test_a_user_s_error_is_one_line_and_status_2(
    arguments: tuple[str, ...], says: str, start_process: StartProcess
) -> None:
    player = start_process(MODULE, *arguments)
    assert player.process.wait(30) == 2
    assert player.output.startswith("error: ") and player.output.count("\n") == 1
    assert says in player.output
