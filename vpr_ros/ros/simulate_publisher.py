"""The ROS half of ``simulate``: camera, intrinsics, odometry and truth of a simulated robot."""

from __future__ import annotations

import time
from collections.abc import Sequence

import rclpy
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.pose import Pose
from vpr_ros.ros.camera_messages import to_camera_info, to_raw_image
from vpr_ros.ros.pacing import paced, wait_until_sent
from vpr_ros.ros.pose_messages import to_header, to_pose_message
from vpr_ros.simulation.odometry import noisy_odometry
from vpr_ros.simulation.source import CAMERA_NAME, SimulatedSource

CAMERA_QOS = QoSProfile(depth=5)
RELIABLE_QOS = QoSProfile(depth=100)
LAST_WORDS_S = 1.0


class SimulatedRobot(Node):
    """Publishes ``image``, ``camera_info``, ``odom`` and ``~/ground_truth``."""

    def __init__(self, source: SimulatedSource) -> None:
        super().__init__("simulate")
        self._source = source
        self._frame_id = source.cameras[CAMERA_NAME].frame_id
        self.images = self.create_publisher(Image, "image", CAMERA_QOS)
        self.camera_info = self.create_publisher(CameraInfo, "camera_info", CAMERA_QOS)
        self.odometry = self.create_publisher(Odometry, "odom", RELIABLE_QOS)
        self.truth = self.create_publisher(PoseStamped, "~/ground_truth", RELIABLE_QOS)

    def publish(self, record: FrameRecord, T_odom_base: Pose) -> None:
        """Publish one moment, stamped with the time of publishing."""
        image_rgb = record.load_image()
        stamp_ns = time.time_ns()
        if record.T_map_base is not None:
            pose = to_pose_message(record.T_map_base)
            self.truth.publish(PoseStamped(header=to_header(stamp_ns, self._source.map_frame_id), pose=pose))
        odometry = Odometry(header=to_header(stamp_ns, "odom"), child_frame_id="base_link")
        odometry.pose.pose = to_pose_message(T_odom_base)
        self.odometry.publish(odometry)
        camera = self._source.camera
        info = to_camera_info(camera.matrix, camera.width_px, camera.height_px, stamp_ns, self._frame_id)
        self.camera_info.publish(info)
        self.images.publish(to_raw_image(image_rgb, stamp_ns, self._frame_id))


def publish(source: SimulatedSource, argv: Sequence[str]) -> int:
    """Drive once; returns how many images were published."""
    rclpy.init(args=["simulate", *argv])
    count = 0
    try:
        node = SimulatedRobot(source)
        believed = noisy_odometry(source.poses, source.seed)
        moments = ((r.stamp_ns, (r, odom)) for r, (_, odom) in zip(source, believed, strict=True))
        for _, (record, T_odom_base) in paced(node, moments, 1.0):
            node.publish(record, T_odom_base)
            count += 1
        wait_until_sent(node, node.truth, LAST_WORDS_S)
        node.destroy_node()
    finally:
        rclpy.try_shutdown()
    return count
