"""What goes wrong on a robot: the node stays alive, says what happened and what to do, and recovers."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import onnx
import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import Diagnostics, FakeCamera, GraphClient, RosProcess, StartNode, image_message, texture
from sensor_msgs.msg import Image

from vpr_ros.inference import shipped_model_path

NODE = "/vpr_localizer"
OK, WARN, ERROR = 0, 1, 2


def broken_image(fault: str) -> Image:
    message = image_message(texture(2), time.time_ns())
    if fault == "encoding":
        message.encoding = "kodachrome"
    else:
        message.data = bytes(message.data)[:-500]
    return message


@pytest.mark.parametrize(("fault", "says"), [("encoding", "kodachrome"), ("truncated", "bytes")])
def test_a_broken_image_is_reported_and_the_next_good_one_answered(
    texture_map: Path,
    start_localizer: StartNode,
    client: GraphClient,
    diagnostics: Diagnostics,
    fault: str,
    says: str,
) -> None:
    process = start_localizer(map=texture_map)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    client.wait_for(
        lambda: diagnostics.level("localizer") == ERROR,
        "an ERROR",
        lambda: camera.publish_message(broken_image(fault)),
    )
    assert says in diagnostics.message("localizer")
    assert diagnostics.value("localizer", "last error remedy")
    assert not poses
    client.wait_for(lambda: poses and diagnostics.level("localizer") == OK, "recovery", camera.publish)
    assert process.is_running


def test_a_camera_that_stops_and_comes_back(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_localizer(map=texture_map, camera_timeout_s=0.5)
    camera = FakeCamera(client)
    client.wait_for(lambda: diagnostics.level("camera") == OK, "OK", camera.publish)
    client.wait_for(lambda: diagnostics.level("camera") == WARN, "WARN")
    assert "no image for" in diagnostics.message("camera")
    client.wait_for(lambda: diagnostics.level("camera") == OK, "OK again", camera.publish)


def test_a_map_deleted_while_running(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    path = tmp_path / "map"
    shutil.copytree(texture_map, path)
    start_localizer(map=path)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    client.wait_for(lambda: poses, "a pose", camera.publish)
    shutil.rmtree(path)
    client.wait_for(lambda: diagnostics.level("map") == WARN, "WARN", camera.publish)
    assert "deleted" in diagnostics.message("map")
    seen = len(poses)
    client.wait_for(lambda: len(poses) > seen, "poses from the opened map", camera.publish)


def corrupt_descriptors(path: Path) -> None:
    file = path / "descriptors.npy"
    file.write_bytes(file.read_bytes()[:-64])


def newer_manifest(path: Path) -> None:
    manifest = path / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("format_version: 1", "format_version: 7"))


def other_model(path: Path) -> None:
    manifest = path / "manifest.yaml"
    text = manifest.read_text()
    sha256 = next(line.split()[1] for line in text.splitlines() if line.strip().startswith("sha256:"))
    manifest.write_text(text.replace(sha256, "f" * 64))


@pytest.mark.parametrize(
    ("damage", "says"),
    [(corrupt_descriptors, "descriptors.npy"), (newer_manifest, "format 7"), (other_model, "ffffff"), (None, "exist")],
)
def test_a_bad_map_at_start_is_named_and_mending_it_is_enough(
    texture_map: Path,
    tmp_path: Path,
    start_localizer: StartNode,
    client: GraphClient,
    diagnostics: Diagnostics,
    damage: object,
    says: str,
) -> None:
    path = tmp_path / "map"
    if callable(damage):
        shutil.copytree(texture_map, path)
        damage(path)
    process = start_localizer(map=path)
    client.wait_for(lambda: diagnostics.level("localizer") == ERROR, "an ERROR")
    assert says in diagnostics.message("localizer")
    assert process.is_running
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(texture_map, path)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: poses, "a pose after the map was mended", FakeCamera(client).publish)


def test_a_model_without_metadata(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    model = onnx.load(shipped_model_path())
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    process: RosProcess = start_localizer(map=texture_map, model=tmp_path / "bare.onnx")
    client.wait_for(lambda: diagnostics.level("localizer") == ERROR, "an ERROR")
    assert "describe_model" in diagnostics.message("localizer")
    assert process.is_running
