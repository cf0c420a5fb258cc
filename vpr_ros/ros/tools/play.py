# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``play``: publishes a recording, a bag or a folder of images, as the camera of a robot would."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError, FrameDecodeError
from vpr_ros.core.frames import CameraMount, Frame, FrameRecord, FrameSource
from vpr_ros.core.pose import PositionM
from vpr_ros.ros.info_topic import info_topic
from vpr_ros.ros.messages import to_camera_info, to_compressed_image, to_image_message, to_pose_stamped
from vpr_ros.ros.node_process import run_program, without_ros_arguments
from vpr_ros.ros.tools.beginning import add_beginning
from vpr_ros.ros.tools.dds_profile import use_dds_profile
from vpr_ros.ros.tools.listeners import wait_for_listeners
from vpr_ros.ros.tools.pacing import check_rate, paced, wait_until_sent
from vpr_ros.ros.tools.recorded_clock import RecordedClock
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.recorded_source import RecordedSource

EXAMPLE = """  %(prog)s drive.mcap --wait-for-subscriber --ros-args -r image:=/camera/image_raw
  %(prog)s drive.mcap --wait-for vpr_localizer --wait-for watch
  %(prog)s drive.mcap --clock      (the other nodes with use_sim_time: true)
  %(prog)s images/ --poses groundtruth_tum.txt --compressed --rate-factor 2"""
IMAGE_QOS = QoSProfile(depth=5)  # reliable: it serves best-effort subscribers too, the other way round nothing arrives
TRUTH_QOS = QoSProfile(depth=1000)


class PlayNode(Node):
    """Publishes frames on ``image`` (or ``image/compressed``) and their true poses on ``~/ground_truth``.

    Beside the images, on ``camera_info``, how the camera sees, where the recording says so.

    Attributes:
        images, truth: the publishers.
        played: how many images were published.
        torn: how many could not be, for they did not decode.
    """

    def __init__(self, frame_id: str, camera: CameraMount, compressed: bool, origin_m: PositionM | None = None) -> None:
        super().__init__("play")
        self._origin_m = origin_m
        self._camera = camera
        self._frame_id = frame_id
        self._compressed = compressed
        self.played = 0
        self.torn = 0
        kind, topic = (CompressedImage, "image/compressed") if compressed else (Image, "image")
        self.images = self.create_publisher(kind, topic, IMAGE_QOS)
        self.truth = self.create_publisher(PoseStamped, "~/ground_truth", TRUTH_QOS)
        knows = camera.intrinsics is not None
        self._infos = self.create_publisher(CameraInfo, info_topic(self, "image"), IMAGE_QOS) if knows else None

    def publish(self, frame: Frame, stamp_ns: int) -> None:
        """Publish one frame; the truth goes first, so that nobody has an answer without its truth."""
        camera_frame = self._camera.frame_id or self._camera.name
        if frame.T_map_base is not None:
            self.truth.publish(to_pose_stamped(frame.T_map_base.seen_from(self._origin_m), stamp_ns, self._frame_id))
        if self._infos is not None and self._camera.intrinsics is not None:
            self._infos.publish(to_camera_info(self._camera.intrinsics, stamp_ns, camera_frame))
        build = to_compressed_image if self._compressed else to_image_message
        self.images.publish(build(frame.image_rgb, stamp_ns, camera_frame))
        self.played += 1


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_play, sys.argv[1:] if argv is None else argv)


def build_parser() -> CommandParser:
    """The command line without ROS's own arguments."""
    parser = CommandParser("play", __doc__ or "", EXAMPLE)
    parser.add_argument("path", type=Path, metavar="PATH", help="bag folder, .mcap, .db3, or image folder")
    parser.add_argument("--image-topic", metavar="T", help="which camera of a bag (default: its first)")
    parser.add_argument("--poses", type=Path, metavar="FILE", help="trajectory, for ~/ground_truth")
    parser.add_argument("--pose-topic", metavar="T", help="pose topic of a bag, for ~/ground_truth")
    parser.add_argument(
        "--origin", type=float, nargs=3, metavar=("X", "Y", "Z"),
        help="~/ground_truth seen from here, for a map with an origin of its own (inspect_map names it)",
    )  # fmt: skip
    parser.add_argument("--rate-factor", type=float, default=1.0, help="faster (2) or slower (0.5) than recorded")
    parser.add_argument("--loop", action="store_true", help="start again at the end")
    parser.add_argument("--compressed", action="store_true", help="publish JPEG on image/compressed")
    parser.add_argument(
        "--stamps", choices=("now", "recorded"), help="time in the headers (now; with --clock recorded)"
    )
    parser.add_argument(
        "--clock", action="store_true", help="publish the recorded time on /clock, for nodes with use_sim_time"
    )
    add_beginning(parser)
    return parser


def _play(argv: Sequence[str]) -> None:
    options = build_parser().parse_args(without_ros_arguments(argv))
    check_rate("--rate-factor", options.rate_factor)
    if options.clock and options.stamps == "now":
        raise ConfigError("--clock publishes the recorded time, --stamps now stamps with another", "Leave one out")
    source = _open(options)
    use_dds_profile()
    origin_m = options.origin and tuple(options.origin)
    node = run_program(
        "play",
        argv,
        lambda: PlayNode(source.map_frame_id, source.cameras[_played(source)], options.compressed, origin_m),
        lambda node: _play_source(node, source, options),
    )
    played, torn = (node.played, node.torn) if node is not None else (0, 0)
    print(f"played {played} images of {source.description}" + (f", {torn} did not decode" if torn else ""))


def _play_source(node: PlayNode, source: RecordedSource, options: argparse.Namespace) -> None:
    clock = RecordedClock(node) if options.clock else None  # made first: who is waited for has discovered it
    for warning in source.warnings:
        node.get_logger().warning(warning)
    wait_for_listeners(node, node.images, node.truth, options)
    now = options.stamps != "recorded" and clock is None
    passing = None if clock is None else clock.pass_by
    while rclpy.ok():
        for recorded_ns, record in paced(node, _records(source), options.rate_factor, passing):
            try:
                frame = record.load()
            except FrameDecodeError as error:
                node.get_logger().warning(str(error))
                node.torn += 1
                continue
            if clock is not None:
                clock.reach(recorded_ns)
            stamp_ns = time.time_ns() if now else recorded_ns
            node.publish(frame, stamp_ns)
        if not options.loop:
            break
    wait_until_sent(node, [node.truth, node.images])


def _open(options: argparse.Namespace) -> RecordedSource:
    """Open with the poses there are: playing must not fail for want of a truth, nor leave out images without one."""
    return open_source(
        options.path,
        SourceOptions(
            poses=options.poses,
            image_topics=(options.image_topic,) if options.image_topic else (),
            pose_topic=options.pose_topic,
            require_poses=False,
        ),
    )


def _records(source: FrameSource) -> Iterator[tuple[int, FrameRecord]]:
    camera = _played(source)
    return ((record.stamp_ns, record) for record in source if record.camera == camera)


def _played(source: FrameSource) -> str:
    """The camera whose images are published: the first."""
    return next(iter(source.cameras))


if __name__ == "__main__":
    sys.exit(main())
