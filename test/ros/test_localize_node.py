"""The node as a process: images in over DDS, everything the interface table promises out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from conftest import StartNode
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import SPACING_M, FakeCamera, GraphClient
from rclpy.qos import DurabilityPolicy, QoSProfile

NODE = "/vpr_localizer"
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_an_image_becomes_a_pose_with_its_own_stamp(
    texture_map: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    start_localizer(map=texture_map)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    camera = FakeCamera(client)
    camera.place = 7
    client.wait_for(lambda: poses, "a pose", camera.publish)
    pose = poses[0]
    stamp_ns = pose.header.stamp.sec * 1_000_000_000 + pose.header.stamp.nanosec
    assert stamp_ns in camera.sent
    assert pose.header.frame_id == "map"
    assert abs(pose.pose.pose.position.x - 7 * SPACING_M) < 0.5
    covariance = np.asarray(pose.pose.covariance).reshape(6, 6)
    assert np.linalg.eigvalsh(covariance).min() > 0
