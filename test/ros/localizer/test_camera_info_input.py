# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How a camera sees, whatever becomes of its camera_info."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from damaged_map import set_entry
from harness import GraphClient
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.frames import CameraMount
from vpr_ros.inference import open_local_extractor
from vpr_ros.mapping import build_map
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.localizer.camera_info_input import CameraInfoInput
from vpr_ros.ros.messages import to_camera_info

SIZE = (640, 480)
SEEN = CameraIntrinsics(*SIZE, 500.0, 505.0, 320.0, 240.0, Lens.BROWN_CONRADY, (-0.2, 0.05, 0.001, -0.001, 0.0))
RECORDED = CameraIntrinsics(*SIZE, 400.0, 400.0, 319.5, 239.5)
TOPIC = "/front/camera_info"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    mount = CameraMount("front", "", None, RECORDED)
    return build_wall_map(tmp_path_factory.mktemp("map") / "map", WallSource(camera=mount))


@pytest.fixture
def heard(client: GraphClient) -> Iterator[CameraInfoInput]:
    found = CameraInfoInput(client.node, "front", "front/image_raw")
    yield found
    found.close()


def info(intrinsics: CameraIntrinsics = SEEN, frame_id: str = "optical", **other: Any) -> CameraInfo:
    message = to_camera_info(intrinsics, 1, frame_id)
    for name, value in other.items():
        setattr(message, name, value)
    return message


def send(client: GraphClient, heard: CameraInfoInput, message: CameraInfo, place_map: PlaceMap) -> None:
    """Until it is no longer the old answer that is given."""
    publisher = client.node.create_publisher(CameraInfo, heard.topic, 1)
    before = heard.origin
    heard.lookup(SIZE, "optical", place_map)

    def has_changed() -> bool:
        heard.lookup(SIZE, "optical", place_map)
        return heard.origin not in (before, f"unknown, so that no pose is geometric; nothing has come on {heard.topic}")

    client.wait_for(has_changed, "another camera_info", lambda: publisher.publish(message))
    client.node.destroy_publisher(publisher)


def test_the_message_beside_the_images_counts(client: GraphClient, heard: CameraInfoInput, wall_map: PlaceMap) -> None:
    assert heard.topic == TOPIC and heard.lookup(SIZE, "optical", wall_map) is None
    assert "nothing has come on" in heard.origin and "no pose is geometric" in heard.origin
    heard.listen(wanted=True)
    send(client, heard, info(), wall_map)
    assert heard.lookup(SIZE, "optical", wall_map) == SEEN and heard.origin == TOPIC
    half = heard.lookup((320, 240), "optical", wall_map)
    assert half == SEEN.scaled(320, 240) and "it is scaled" in heard.origin
    assert heard.lookup((640, 640), "optical", wall_map) is None and "another shape" in heard.origin
    assert heard.lookup(SIZE, "elsewhere", wall_map) is None and "of frame" in heard.origin


def test_what_was_sent_once_before_is_heard(client: GraphClient, heard: CameraInfoInput, wall_map: PlaceMap) -> None:
    """Some drivers keep the message for whoever comes later, and never send it again."""
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = client.node.create_publisher(CameraInfo, TOPIC, latched)
    publisher.publish(info())
    assert heard.lookup(SIZE, "optical", wall_map) is None

    def is_known() -> bool:
        heard.listen(wanted=True)
        return heard.lookup(SIZE, "optical", wall_map) == SEEN

    client.wait_for(is_known, "the camera_info that was kept")
    assert client.node.count_subscribers(TOPIC) == 2
    client.node.destroy_publisher(publisher)

    def listens_once() -> bool:
        heard.listen(wanted=True)
        return client.node.count_subscribers(TOPIC) == 1

    client.wait_for(listens_once, "nobody that asks for what others keep")
    assert heard.lookup(SIZE, "optical", wall_map) == SEEN


def test_a_camera_that_changes_its_resolution_is_followed(
    client: GraphClient, heard: CameraInfoInput, wall_map: PlaceMap
) -> None:
    heard.listen(wanted=True)
    send(client, heard, info(), wall_map)
    assert heard.lookup((640, 360), "optical", wall_map) is None and "another shape" in heard.origin
    wide = CameraIntrinsics(640, 360, 520.0, 520.0, 321.0, 181.0)
    publisher = client.node.create_publisher(CameraInfo, TOPIC, 1)
    client.wait_for(
        lambda: heard.lookup((640, 360), "optical", wall_map) == wide,
        "the camera_info of the wide images",
        lambda: publisher.publish(info(wide)),
    )
    assert heard.origin == TOPIC
    client.wait_for(
        lambda: heard.lookup(SIZE, "optical", wall_map) == SEEN, "the one before", lambda: publisher.publish(info())
    )
    client.node.destroy_publisher(publisher)


def test_a_calibration_that_the_map_refined_is_not_gone_back_to(
    client: GraphClient, heard: CameraInfoInput, tmp_path: Path
) -> None:
    tiny_local_onnx = pytest.importorskip("tiny_local_onnx", reason="makes a model")
    camera = CameraMount("front", "", None, RECORDED)
    model = open_local_extractor(tiny_local_onnx.write_local_model(tmp_path / "local.onnx"))
    source = WallSource([0.0, 0.5], camera=camera)
    build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME, local_model=model)
    set_entry(tmp_path / "map", "local.given_intrinsics", {"front": SEEN.to_dict()})
    place_map = PlaceMap.open(tmp_path / "map")
    heard.listen(wanted=True)
    publisher = client.node.create_publisher(CameraInfo, TOPIC, 1)

    def is_refined() -> bool:
        return heard.lookup(SIZE, "optical", place_map) == RECORDED and heard.origin.startswith("map, refined")

    client.wait_for(is_refined, "the map's calibration", lambda: publisher.publish(info()))
    client.node.destroy_publisher(publisher)
    assert heard.origin == f"map, refined when it was built from the calibration that {TOPIC} gives"
    assert heard.lookup((320, 240), "optical", place_map) == RECORDED.scaled(320, 240)


def test_without_a_message_the_map_s_camera_of_the_same_name_counts(heard: CameraInfoInput, recorded: PlaceMap) -> None:
    assert heard.lookup(SIZE, "optical", recorded) == RECORDED and heard.origin.startswith("map (same camera assumed)")
    assert heard.lookup((320, 240), "optical", recorded) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"k": np.zeros(9)}, "not calibrated"),
        ({"k": np.full(9, math.nan)}, "focal lengths"),
        ({"distortion_model": "made_up"}, "distortion model"),
        ({"d": [0.1] * 3}, "coefficients"),
        ({"width": 640, "height": 400}, "another shape"),
    ],
)
def test_a_message_that_cannot_be_is_not_used(
    client: GraphClient, heard: CameraInfoInput, wall_map: PlaceMap, wrong: dict[str, Any], said: str
) -> None:
    heard.listen(wanted=True)
    send(client, heard, info(**wrong), wall_map)
    assert heard.lookup(SIZE, "optical", wall_map) is None and said in heard.origin


def test_rectified_images_are_seen_by_the_projection(client: GraphClient, wall_map: PlaceMap) -> None:
    heard = CameraInfoInput(client.node, "front", "/front/image_rect_color")
    heard.listen(wanted=True)
    P = np.array([450.0, 0, 300, 0, 0, 451, 200, 0, 0, 0, 1, 0])
    send(client, heard, info(p=P), wall_map)
    assert heard.lookup(SIZE, "optical", wall_map) == CameraIntrinsics(*SIZE, 450.0, 451.0, 300.0, 200.0)
    heard.close()


def test_a_camera_whose_intrinsics_are_of_no_use_is_not_listened_to(
    client: GraphClient, heard: CameraInfoInput
) -> None:
    heard.listen(wanted=True)
    assert client.node.count_subscribers(TOPIC) == 1
    heard.listen(wanted=False)
    client.wait_for(lambda: client.node.count_subscribers(TOPIC) == 0, "nobody listening")


@pytest.mark.parametrize(
    ("image", "beside"), [("image", "/camera_info"), ("/image", "/camera_info"), ("/a/b/image_raw", "/a/b/camera_info")]
)
def test_camera_info_lies_beside_the_images(client: GraphClient, image: str, beside: str) -> None:
    assert CameraInfoInput(client.node, "front", image).topic == beside
