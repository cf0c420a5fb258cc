"""The running node names the type of a rejection wherever it says why there is no pose."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from harness import Diagnostics, GraphClient, StartNode, image_message, texture
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

NODE = "/vpr_localizer"
ELSEWHERE = 99


def test_the_type_of_a_rejection_is_answered_and_counted(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_localizer("-p", "localizer.min_similarity:=0.99", map=texture_map)
    camera = client.node.create_publisher(Image, "/image", qos_profile_sensor_data)

    def publish() -> None:
        camera.publish(image_message(texture(ELSEWHERE), time.time_ns()))

    client.wait_for(lambda: diagnostics.value("camera", "last rejection") == "dissimilar", "the type", publish)
    assert diagnostics.value("camera", "rejected dissimilar") == diagnostics.value("camera", "rejected") != "0"
    assert "min_similarity is 0.99" in diagnostics.value("camera", "last reason")
    publish()
    answer = client.call(Trigger, f"{NODE}/localize")
    assert not answer.success and answer.message.startswith("unknown (dissimilar): similarity ")
