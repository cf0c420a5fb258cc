"""What goes wrong on a robot: the node stays alive, says what happened and what to do, and recovers."""

from __future__ import annotations

import re
import shutil
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from bad_maps import BAD_MAPS
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import (
    Diagnostics,
    FakeCamera,
    GraphClient,
    RosProcess,
    StartNode,
    compressed_message,
    image_message,
    texture,
)
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger

from vpr_ros.inference import shipped_model_path

NODE = "/vpr_localizer"
OK, WARN, ERROR = 0, 1, 2


def is_alive(process: RosProcess, client: GraphClient) -> bool:
    """Whether the node still answers its graph."""
    return process.is_running and bool(client.call(Trigger, f"{NODE}/reset").success)


def says(message: str, *words: str) -> None:
    for word in words:
        assert word in message, message


def peak_memory_mb(process: RosProcess) -> float:
    """The most that the node ever held."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


# images


def unknown_encoding() -> Image:
    message = image_message(texture(2), time.time_ns())
    message.encoding = "kodachrome"
    return message


def truncated() -> Image:
    message = image_message(texture(2), time.time_ns())
    message.data = bytes(message.data)[:-500]
    return message


def truncated_jpeg() -> CompressedImage:
    message = compressed_message(texture(2), time.time_ns())
    message.data = bytes(message.data)[:-500]
    return message


def bayer_bomb() -> CompressedImage:
    """A small JPEG whose header claims 728 million pixels, in the format that is demosaicked after decoding."""
    jpeg = cv2.imencode(".jpg", np.zeros((64, 64), np.uint8))[1].tobytes()
    at = jpeg.index(b"\xff\xc0") + 5
    message = compressed_message(texture(2), time.time_ns())
    message.format = "bayer_rggb8; jpeg compressed "
    message.data = jpeg[:at] + struct.pack(">HH", 26000, 28000) + jpeg[at + 4 :]
    return message


def png_bomb() -> CompressedImage:
    """A kilobyte that would be decoded to 5 GB."""
    header = struct.pack(">IIBBBBB", 30000, 30000, 16, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    ]
    message = compressed_message(texture(2), time.time_ns())
    message.data = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    return message


def absurd_size() -> Image:
    message = image_message(texture(2), time.time_ns())
    message.height = message.width = message.step = 2**32 - 1
    return message


def jpeg_as_pixels() -> Image:
    """What usb_cam publishes when it hands on the camera's MJPEG."""
    message = image_message(texture(2), time.time_ns())
    message.encoding, message.step = "yuv422", 2 * message.width
    message.data = bytes(compressed_message(texture(2), time.time_ns()).data)
    return message


LIMIT = ("more than the limit of 134217728 pixels",)
RAISE_IT = ("raise max_image_pixels (a parameter of the node",)

BROKEN_IMAGES: dict[str, tuple[Callable[[], Any], tuple[str, ...], tuple[str, ...]]] = {
    "unknown encoding": (
        unknown_encoding,
        ("unknown image encoding 'kodachrome'", "expected one of rgb8"),
        ("Set the camera driver to one of these",),
    ),
    "truncated image": (
        truncated,
        ("truncated image: 229900 bytes found", "needs 230400"),
        ("Check the camera driver and the transport",),
    ),
    "bayer bomb": (bayer_bomb, ("camera 'camera' is 28000x26000 pixels", *LIMIT), RAISE_IT),
    "png bomb": (png_bomb, ("camera 'camera' is 30000x30000 pixels", *LIMIT), RAISE_IT),
    "absurd size": (absurd_size, ("the image is 4294967295x4294967295 pixels", *LIMIT), RAISE_IT),
    "jpeg as pixels": (jpeg_as_pixels, ("yuv422 with", "bytes are a JPEG of 320x240"), ("usb_cam: set pixel_format",)),
    "truncated jpeg": (truncated_jpeg, ("truncated image: camera 'camera'", "end mark"), ("Leave it out",)),
}


@pytest.mark.parametrize("fault", BROKEN_IMAGES)
def test_a_broken_image_is_reported_and_the_next_good_one_answered(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics, fault: str
) -> None:
    broken, problem, remedy = BROKEN_IMAGES[fault]
    process = start_localizer(map=texture_map)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    kind = type(broken())
    topic = "/image/compressed" if kind is CompressedImage else "/image"
    publisher = client.node.create_publisher(kind, topic, qos_profile_sensor_data)
    client.wait_for(lambda: diagnostics.level("localizer") == ERROR, "an ERROR", lambda: publisher.publish(broken()))
    says(diagnostics.message("localizer"), *problem, *remedy)
    says(diagnostics.value("localizer", "last error"), *problem)
    says(diagnostics.value("localizer", "last error remedy"), *remedy)
    assert diagnostics.level("camera") == ERROR
    says(diagnostics.message("camera"), *problem, *remedy)
    assert int(diagnostics.value("camera", "failed")) > 0
    assert not poses
    assert is_alive(process, client)
    client.node.destroy_publisher(publisher)
    camera = FakeCamera(client)
    client.wait_for(lambda: poses and diagnostics.level("localizer") == OK, "recovery", camera.publish)
    assert diagnostics.level("camera") == OK
    says(process.output, *problem, *remedy)
    assert peak_memory_mb(process) < 1000


def test_the_limit_of_pixels_can_be_changed_while_running(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_localizer(map=texture_map, max_image_pixels=1000)
    camera = FakeCamera(client)
    client.wait_for(lambda: diagnostics.level("camera") == ERROR, "an ERROR", camera.publish)
    says(diagnostics.message("camera"), "more than the limit of 1000 pixels", *RAISE_IT)
    assert not client.set_parameter(NODE, "max_image_pixels", 2**40).successful
    assert client.set_parameter(NODE, "max_image_pixels", 10**6).successful
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: poses and diagnostics.level("camera") == OK, "recovery", camera.publish)


def test_a_camera_that_stops_and_comes_back(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer(map=texture_map, camera_timeout_s=0.5)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: diagnostics.level("camera") == WARN, "a WARN before the first image")
    says(diagnostics.message("camera"), "no image yet on /image", "(0 publishers): check the driver, the topic name")
    camera = FakeCamera(client)
    client.wait_for(lambda: diagnostics.level("camera") == OK, "OK", camera.publish)
    client.wait_for(lambda: diagnostics.level("camera") == WARN, "WARN")
    says(diagnostics.message("camera"), "no image for", "(1 publishers): check its QoS and image type")
    answer = client.call(Trigger, f"{NODE}/localize")
    assert not answer.success
    says(answer.message, "failed (no_image): no image on /image within the last 0.5 s", "Check the camera")
    assert is_alive(process, client)
    seen = len(poses)
    client.wait_for(
        lambda: diagnostics.level("camera") == OK and len(poses) > seen, "OK and poses again", camera.publish
    )


# the map


def test_a_map_deleted_while_running(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    path, safe = tmp_path / "map", tmp_path / "safe"
    shutil.copytree(texture_map, path)
    process = start_localizer(map=path)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    client.wait_for(lambda: poses, "a pose", camera.publish)
    path.rename(safe)
    client.wait_for(lambda: diagnostics.level("map") == WARN, "WARN", camera.publish)
    says(diagnostics.message("map"), f"{path} was deleted on disk", "goes on with the opened one", "Restore it")
    seen = len(poses)
    client.wait_for(lambda: len(poses) > seen, "poses from the opened map", camera.publish)
    assert client.set_parameter(NODE, "localizer.min_probability", 0.1).successful
    safe.rename(path)
    client.wait_for(lambda: diagnostics.level("map") == OK, "OK after it was restored", camera.publish)
    shutil.rmtree(path)
    client.wait_for(lambda: diagnostics.level("map") == WARN, "WARN again", camera.publish)
    seen = len(poses)
    client.wait_for(lambda: len(poses) > seen, "poses although every file is gone", camera.publish)
    assert is_alive(process, client)


def test_a_map_overwritten_in_place_while_running(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    """As by cp or rsync --inplace: the file in use is first empty, then another one."""
    path = tmp_path / "map"
    shutil.copytree(texture_map, path)
    process = start_localizer(map=path)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    client.wait_for(lambda: poses, "a pose", camera.publish)
    for content in (b"", (path / "descriptors.npy").read_bytes()[:200]):
        (path / "descriptors.npy").write_bytes(content)
        seen = len(poses)
        client.wait_for(lambda seen=seen: len(poses) > seen + 1, "poses", camera.publish)  # type: ignore[misc]
    client.wait_for(lambda: diagnostics.level("map") == WARN, "WARN", camera.publish)
    says(diagnostics.message("map"), f"{path} was replaced on disk", "goes on with the opened one", "set the parameter")
    other = client.set_parameter(NODE, "localizer.min_probability", 0.4)
    assert other.successful, other.reason  # what lies on disk by now concerns no other parameter
    refused = client.set_parameter(NODE, "map", str(path))
    assert not refused.successful
    says(refused.reason, "descriptors.npy has 200 bytes", "Restore the file from a backup")
    assert is_alive(process, client)


@pytest.mark.parametrize("fault", [name for name in BAD_MAPS if name != "short descriptors"])
def test_a_bad_map_at_start_is_named_and_mending_it_is_enough(
    texture_map: Path,
    tmp_path: Path,
    start_localizer: StartNode,
    client: GraphClient,
    diagnostics: Diagnostics,
    fault: str,
) -> None:
    damage, words = BAD_MAPS[fault]
    path = tmp_path / "map"
    shutil.copytree(texture_map, path)
    damage(path)
    process = start_localizer(map=path)
    client.wait_for(lambda: diagnostics.level("localizer") == ERROR, "an ERROR")
    says(diagnostics.message("localizer"), *words)
    assert diagnostics.value("localizer", "state") == "unconfigured"
    answer = client.call(Trigger, f"{NODE}/localize")
    assert not answer.success
    says(answer.message, "the node is unconfigured", *words)
    assert is_alive(process, client)
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(texture_map, path)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: poses, "a pose after the map was mended", FakeCamera(client).publish)
    client.wait_for(lambda: diagnostics.level("localizer") == OK, "OK")


# the model and the parameters


def without_metadata(path: Path) -> Path:
    model = onnx.load(shipped_model_path())
    del model.metadata_props[:]
    onnx.save(model, path)
    return path


def test_a_model_without_metadata(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    model = without_metadata(tmp_path / "bare.onnx")
    process = start_localizer(map=texture_map, model=model)
    client.wait_for(lambda: diagnostics.level("localizer") == ERROR, "an ERROR")
    says(diagnostics.message("localizer"), str(model), "no 'vpr_ros' metadata", "describe_model")
    assert is_alive(process, client)
    shutil.copy(shipped_model_path(), model)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: poses, "a pose after the model was replaced", FakeCamera(client).publish)
    client.wait_for(lambda: diagnostics.level("localizer") == OK, "OK")


def test_extrinsics_that_are_no_pose_end_the_start_with_one_line(texture_map: Path, start_localizer: StartNode) -> None:
    process = start_localizer("-p", "T_base_camera.camera:=[.nan, 0.0, 0.0, 0.0, 0.0, 0.0]", map=texture_map)
    assert process.process.wait(30) == 2
    says(process.output, "T_base_camera.camera is nan, expected a finite number", "Correct the value")
    assert "Traceback" not in process.output


def test_what_cannot_be_used_is_refused_while_running_and_everything_in_use_stays(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer(map=texture_map)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    client.wait_for(lambda: poses, "a pose", camera.publish)

    def is_refused(name: str, value: Any, *words: str) -> None:
        refused = client.set_parameter(NODE, name, value)
        assert not refused.successful
        says(refused.reason, *words, f"The map in use stays {texture_map}")

    is_refused(
        "T_base_camera.camera",
        [float("nan")] * 6,
        "T_base_camera.camera is nan, expected a finite number",
        "Correct the value",
    )
    bare = without_metadata(tmp_path / "bare.onnx")
    is_refused("model", str(bare), "no 'vpr_ros' metadata", "describe_model")
    for number, (damage, words) in enumerate(BAD_MAPS.values()):
        path = tmp_path / f"map {number}"
        shutil.copytree(texture_map, path)
        damage(path)
        is_refused("map", str(path), *words)
    seen = len(poses)
    client.wait_for(lambda: len(poses) > seen, "poses from the map in use", camera.publish)
    assert np.isfinite(poses[-1].pose.covariance).all()
    last = BAD_MAPS["nothing there"][1][0]
    client.wait_for(lambda: last in diagnostics.value("localizer", "last error"), "the last error", camera.publish)
    assert diagnostics.level("localizer") == OK
    assert diagnostics.value("map", "path") == str(texture_map)
    says(diagnostics.value("localizer", "last error remedy"), "build_map")
    assert is_alive(process, client)
