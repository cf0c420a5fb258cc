# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The ROS half of ``simulate``: camera, intrinsics, odometry and truth of a simulated robot."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from vpr_ros.core.frames import FrameRecord, ImageRgb
from vpr_ros.ros.info_topic import info_topic
from vpr_ros.ros.messages import to_camera_info, to_header, to_image_message, to_pose_message, to_pose_stamped
from vpr_ros.ros.node_process import run_program
from vpr_ros.ros.tools.dds_profile import use_dds_profile
from vpr_ros.ros.tools.listeners import wait_for_listeners
from vpr_ros.ros.tools.pacing import paced, wait_until_sent
from vpr_ros.ros.tools.robot_tf import RobotTf
from vpr_ros.simulation.odometry import OdometryReading, noisy_odometry
from vpr_ros.simulation.source import CAMERA_NAME, SimulatedSource

CAMERA_QOS = QoSProfile(depth=5)
RELIABLE_QOS = QoSProfile(depth=100)
ODOM_FRAME, BASE_FRAME = "odom", "base_link"
PLANAR = (0, 1, 5)
ON_PLANE_VARIANCE = 1e-6
"""Of coordinates a planar robot cannot change; never 0, which filters read as certainty or refuse."""


class SimulatedRobot(Node):
    """Publishes ``image``, ``camera_info``, ``odom``, TF and ``~/ground_truth``; ``published`` counts the images."""

    def __init__(self, source: SimulatedSource) -> None:
        super().__init__("simulate")
        self._source = source
        self.published = 0
        self._frame_id = source.cameras[CAMERA_NAME].frame_id
        self.images = self.create_publisher(Image, "image", CAMERA_QOS)
        self.camera_info = self.create_publisher(CameraInfo, info_topic(self, "image"), CAMERA_QOS)
        self.odometry = self.create_publisher(Odometry, "odom", RELIABLE_QOS)
        self.truth = self.create_publisher(PoseStamped, "~/ground_truth", RELIABLE_QOS)
        self._tf = RobotTf(self)
        if (mount := source.cameras[CAMERA_NAME].T_base_camera) is not None:
            self._tf.fix(mount, BASE_FRAME, self._frame_id)
        self._last: tuple[int, int] | None = None

    def publish(self, record: FrameRecord, belief: OdometryReading, image_rgb: ImageRgb) -> None:
        """Publish one moment, stamped with the time of publishing, and the velocities by these stamps."""
        stamp_ns = time.time_ns()
        belief = self._by_stamps(belief, stamp_ns)
        if record.T_map_base is not None:
            self.truth.publish(to_pose_stamped(record.T_map_base, stamp_ns, self._source.map_frame_id))
        self._tf.move(belief.T_odom_base, ODOM_FRAME, BASE_FRAME, stamp_ns)
        self.odometry.publish(to_odometry(belief, stamp_ns))
        self.camera_info.publish(to_camera_info(self._source.camera, stamp_ns, self._frame_id))
        self.images.publish(to_image_message(image_rgb, stamp_ns, self._frame_id))
        self.published += 1

    def _by_stamps(self, belief: OdometryReading, stamp_ns: int) -> OdometryReading:
        """As fast as the robot moves for whoever reads the stamps: where rendering is slow, slower than simulated."""
        before, self._last = self._last, (belief.stamp_ns, stamp_ns)
        if before is None or stamp_ns <= before[1]:
            return belief
        return belief.played((belief.stamp_ns - before[0]) / (stamp_ns - before[1]))


def to_odometry(belief: OdometryReading, stamp_ns: int) -> Odometry:
    """Build a ``nav_msgs/Odometry`` from odom to the base; what cannot vary on a plane has a deviation of 0.001."""
    message = Odometry(header=to_header(stamp_ns, ODOM_FRAME), child_frame_id=BASE_FRAME)
    message.pose.pose = to_pose_message(belief.T_odom_base)
    message.pose.covariance = _of_six(belief.covariance)
    twist = message.twist.twist
    twist.linear.x, twist.linear.y, twist.angular.z = belief.forward_mps, belief.left_mps, belief.yaw_radps
    message.twist.covariance = _of_six(belief.twist_covariance)
    return message


def _of_six(planar_covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(3, 3) of x, y, yaw -> (36,) of x, y, z, roll, pitch, yaw."""
    covariance = ON_PLANE_VARIANCE * np.eye(6)
    covariance[np.ix_(PLANAR, PLANAR)] += planar_covariance
    return covariance.reshape(36)


def publish(source: SimulatedSource, argv: Sequence[str], options: argparse.Namespace) -> int:
    """Drive once, or until a signal comes; returns how many images were published.

    Args:
        source: the drive.
        argv: the command line, for rclpy.
        options: those of ``add_beginning``.

    Raises:
        ConfigError: nobody listened in time.
    """
    use_dds_profile()

    def drive(robot: SimulatedRobot) -> None:
        wait_for_listeners(robot, robot.images, robot.truth, options)
        _drive(robot, source)

    node = run_program("simulate", argv, lambda: SimulatedRobot(source), drive)
    return node.published if node is not None else 0


def _drive(node: SimulatedRobot, source: SimulatedSource) -> None:
    believed = noisy_odometry(source.driven, source.seed)
    # Rendered before the wait for its time: stamps keep the rate where rendering does.
    moments = ((r.stamp_ns, (r, belief, r.load_image())) for r, belief in zip(source, believed, strict=True))
    for _, (record, belief, image_rgb) in paced(node, moments, 1.0):
        node.publish(record, belief, image_rgb)
    wait_until_sent(node, list(node.publishers))
