# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``watch``: listens to a running localizer beside the ground truth of a player or simulator: how good is it?

It subscribes to the truth last, when the localizer has discovered it: a player that waits for ``watch`` begins when no
answer can be missed any more.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import Path as PathMessage
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.message_fields import pose_of, stamp_ns_of
from vpr_ros.core.option_arguments import accept_old_flags
from vpr_ros.evaluation.live_report import LiveAnswer, LiveLog, summary_lines, write_picture
from vpr_ros.evaluation.positives_by_distance import DEFAULT_RADIUS_M, PoseThreshold
from vpr_ros.localization import RejectionType
from vpr_ros.ros.node_process import run_program, without_ros_arguments
from vpr_ros.ros.tools.listeners import ANSWER_S, POLL_S, UNKNOWN, has_discovered, publishers_of

EXAMPLE = "  %(prog)s --output report --threshold 5 --ros-args -r ground_truth:=/play/ground_truth"
DEPTH = 100
CANDIDATES = "/vpr_localizer/candidates"
_COUNT = re.compile(r"[0-9]{1,18}")  # whoever may publish on /diagnostics

_DECISION = re.compile(rf"accepted|silent|failed [a-z_]{{1,40}}|{'|'.join(kind.value for kind in RejectionType)}")


class WatchNode(Node):
    """Collects answers and truths until it is stopped.

    Attributes:
        log: what was heard.
        localizer: full name of the node that is listened to; None before it is known.
    """

    def __init__(self, print_poses: bool) -> None:
        super().__init__("watch")
        self.log = LiveLog()
        self.localizer: str | None = None
        self._print_poses = print_poses
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(PoseArray, CANDIDATES, self._on_candidates, DEPTH)
        self.create_subscription(PoseWithCovarianceStamped, "/vpr_localizer/pose", self._on_pose, DEPTH)
        self.create_subscription(PathMessage, "/vpr_localizer/map", self._on_map, latched)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, DEPTH)
        self.create_subscription(DiagnosticArray, "/vpr_localizer/status", self._on_status, DEPTH)

    def listen(self) -> None:
        """Wait for the localizer, then listen to the truth too, until somebody ends the process."""
        while self.localizer is None and rclpy.ok():
            rclpy.spin_once(self, timeout_sec=POLL_S)
            peers = [peer for peer in publishers_of(self, self.resolve_topic_name(CANDIDATES)) if peer != UNKNOWN]
            self.localizer = next((peer for peer in peers if has_discovered(self, peer, ANSWER_S)), None)
        self.create_subscription(PoseStamped, "ground_truth", self._on_truth, DEPTH)
        print(f"listening to {self.localizer} and {self.resolve_topic_name('ground_truth')}", flush=True)
        while rclpy.ok():  # not spin: a signal that comes just before its first wait does not end that wait
            rclpy.spin_once(self, timeout_sec=POLL_S)

    def _on_truth(self, message: PoseStamped) -> None:
        self.log.truth[stamp_ns_of(message.header.stamp)] = pose_of(message.pose)

    def _on_map(self, message: PathMessage) -> None:
        self.log.map_xy_m = np.array([[p.pose.position.x, p.pose.position.y] for p in message.poses])

    def _on_candidates(self, message: PoseArray) -> None:
        # Not ~/matches: its float32 metres are half a metre apart in a map with UTM coordinates.
        stamp_ns = stamp_ns_of(message.header.stamp)
        self.log.best_match[stamp_ns] = pose_of(message.poses[0]) if message.poses else None
        self.log.latency_ms[stamp_ns] = (time.time_ns() - stamp_ns) / 1e6

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if self.localizer is not None and status.name == f"{self.localizer}: localizer":
                counts = rejections({value.key: value.value for value in status.values})
                self.log.rejected = self.log.rejected if counts is None else counts

    def _on_status(self, message: DiagnosticArray) -> None:
        for status in message.status:
            said = next((value.value for value in status.values if value.key == "decision"), "")
            if _DECISION.fullmatch(said):
                self.log.decisions[said] = self.log.decisions.get(said, 0) + 1

    def _on_pose(self, message: PoseWithCovarianceStamped) -> None:
        stamp_ns = stamp_ns_of(message.header.stamp)
        covariance = np.asarray(message.pose.covariance, dtype=np.float64).reshape(6, 6)
        answer = LiveAnswer(pose_of(message.pose.pose), covariance)
        self.log.published[stamp_ns] = answer
        if self._print_poses:
            x_m, y_m, _ = answer.T_map_base.position_m
            sigma_m = float(np.sqrt(np.trace(covariance[:2, :2])))
            print(f"pose  x {x_m:8.2f} m   y {y_m:8.2f} m   +/- {sigma_m:5.2f} m", flush=True)


def rejections(diagnostics: Mapping[str, str]) -> dict[str, int] | None:
    """How many answers the localizer rejected, by type; None where it is not active, and so has no cameras to count."""
    if diagnostics.get("state") != "active":
        return None
    counts = {kind.value: diagnostics.get(f"rejected {kind.value}", "") for kind in RejectionType}
    return {name: int(count) if _COUNT.fullmatch(count) else 0 for name, count in counts.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_watch, sys.argv[1:] if argv is None else argv)


def _watch(argv: Sequence[str]) -> None:
    parser = CommandParser("watch", __doc__ or "", EXAMPLE)
    parser.add_argument("--output", type=Path, required=True, help="folder for live.png")
    threshold = parser.add_argument(
        "--threshold", type=_threshold, default=PoseThreshold(), metavar="M",
        help=f"right: the best match lies this near the ground truth, as in evaluate ({DEFAULT_RADIUS_M:g})",
    )  # fmt: skip
    accept_old_flags(parser, threshold, ["--radius-m"])
    parser.add_argument("--print-poses", action="store_true", help="print every pose as it arrives")
    options = parser.parse_args(without_ros_arguments(argv))
    node = run_program("watch", argv, lambda: WatchNode(options.print_poses), WatchNode.listen)  # until SIGINT
    if node is None or node.localizer is None:
        raise ConfigError(
            f"no localizer was heard on {CANDIDATES}",
            "Start localize in the same ROS_DOMAIN_ID; if it has another name, remap its topics",
        )
    print("\n".join(summary_lines(node.log, options.threshold)))
    with new_file(options.output / "live.png", ConfigError) as picture:
        write_picture(node.log, options.threshold, picture)
    print(f"picture            {options.output / 'live.png'}")


def _threshold(text: str) -> PoseThreshold:
    threshold = PoseThreshold.parse(text)
    if threshold.angle_rad is not None:
        # An unknown orientation is published as the identity: nobody can tell it from a known one.
        raise ConfigError(f"--threshold is {text!r}, watch compares positions only", "Give metres, such as 5")
    return threshold


if __name__ == "__main__":
    sys.exit(main())
