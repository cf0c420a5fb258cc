# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The node, as a process over DDS, beside an empty node and a bare loop of the same session, on the same images."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.message_fields import stamp_ns_of
from vpr_ros.ros.messages import to_image_message, to_time

NAMESPACE: Final = "/vpr_benchmark"
EMPTY: Final = f"{NAMESPACE}/empty"
START_DEADLINE_S: Final = 60.0
ANSWER_DEADLINE_S: Final = 10.0
WARM_UP: Final = 10
PAUSE_S: Final = 0.01
"""Before each measurement: the network's threads of one side go on spinning for a while and would take the processor
from the other. After longer pauses a virtual machine takes its processors away, from both."""
STREAM_HZ: Final = 30.0
STREAMED_PER_IMAGE: Final = 1.2
"""At 200 images eight seconds."""


@dataclass(frozen=True, eq=False)
class LatencyResult:
    """Milliseconds per image.

    Attributes:
        node_ms: (N,) from publishing the image to the arrival of its pose, in another process.
        floor_ms: (N,) the same of a node that does nothing with the image.
        bare_ms: (N,) the same models, search and verification in a process without ROS.
        stream_age_ms: (M,) age of each answer when images come at ``STREAM_HZ``, whether the node keeps up or not.
        streamed: images sent meanwhile.
        node_stages: what the node itself says in its diagnostics, e.g. "infer p50 [ms]".
        bare_stages: name of each stage of the loop -> its median.
    """

    node_ms: npt.NDArray[np.float64]
    floor_ms: npt.NDArray[np.float64]
    bare_ms: npt.NDArray[np.float64]
    stream_age_ms: npt.NDArray[np.float64]
    streamed: int
    node_stages: dict[str, str]
    bare_stages: dict[str, float]

    @property
    def ratio(self) -> float:
        """Median of the node over the median of the loop; the goal is 1.10 at 640x480 raw."""
        return float(np.median(self.node_ms) / np.median(self.bare_ms))

    @property
    def floor_ratio(self) -> float:
        """Median of the node over those of loop and empty node together; the goal is 1.03."""
        return float(np.median(self.node_ms) / (np.median(self.bare_ms) + np.median(self.floor_ms)))

    @property
    def age_ratio(self) -> float:
        """95th percentile of the streamed answers' age over the median of the loop; the goal is 2."""
        return float(np.quantile(self.stream_age_ms, 0.95) / np.median(self.bare_ms))


class LatencyProbe(Node):
    """Publishes one image at a time and waits for its pose, which a localizer of the same *namespace* gives."""

    def __init__(self, namespace: str) -> None:
        super().__init__("probe", namespace=namespace)
        self._namespace = namespace
        self._images = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self._answered: dict[int, float] = {}
        self.stages: dict[str, str] = {}
        self.create_subscription(PoseWithCovarianceStamped, "vpr_localizer/pose", self._on_pose, QoSProfile(depth=10))
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def wait_for_answer(self, image_rgb: ImageRgb, process: subprocess.Popen[bytes]) -> None:
        """Publish until the first pose comes.

        Raises:
            ConfigError: the node ended, or did not answer in time.
        """
        end_s = time.monotonic() + START_DEADLINE_S
        while not self._answered:
            if process.poll() is not None or time.monotonic() > end_s:
                raise ConfigError(
                    f"no node in {self._namespace} answered the benchmark's first images",
                    "Start the localizer alone to see what it says",
                )
            self._images.publish(to_image_message(image_rgb, time.time_ns(), "camera"))
            self._spin_until(lambda: bool(self._answered), 0.5)

    def measure(self, image_rgb: ImageRgb) -> float:
        """Milliseconds from publishing *image_rgb* to the arrival of its pose.

        Raises:
            ConfigError: no pose came.
        """
        message, stamp_ns = to_image_message(image_rgb, 0, "camera"), time.time_ns()
        message.header.stamp = to_time(stamp_ns)  # as it leaves: the way from here to the node is counted from it
        start_s = time.perf_counter()
        self._images.publish(message)
        self._spin_until(lambda: stamp_ns in self._answered, ANSWER_DEADLINE_S)
        if stamp_ns not in self._answered:
            raise ConfigError(
                f"no pose for an image within {ANSWER_DEADLINE_S:g} s",
                "Check that the DDS profile for large images is found, and that the machine is not overloaded",
            )
        return 1e3 * (self._answered[stamp_ns] - start_s)

    def stream(self, images_rgb: Sequence[ImageRgb]) -> tuple[list[float], int]:
        """Publish all images and some again at ``STREAM_HZ``, without waiting; the answers' ages (ms), and images sent.

        Raises:
            ConfigError: no pose came.
        """
        sent: dict[int, float] = {}
        start_s = time.perf_counter()
        for number in range(round(STREAMED_PER_IMAGE * len(images_rgb))):
            self._spin_until(lambda: False, start_s + number / STREAM_HZ - time.perf_counter())
            stamp_ns = time.time_ns()
            message = to_image_message(images_rgb[number % len(images_rgb)], stamp_ns, "camera")
            sent[stamp_ns] = time.perf_counter()
            self._images.publish(message)
        newest = max(sent)
        self._spin_until(lambda: newest in self._answered, ANSWER_DEADLINE_S)
        ages = [1e3 * (self._answered[stamp] - sent_s) for stamp, sent_s in sent.items() if stamp in self._answered]
        if not ages:
            raise ConfigError(
                f"none of {len(sent)} streamed images was answered", "Start the localizer alone to see why"
            )
        return ages, len(sent)

    def settle(self, seconds: float) -> None:
        """Serve the graph for a while."""
        self._spin_until(lambda: False, seconds)

    def _spin_until(self, done: Callable[[], bool], timeout_s: float) -> None:
        end_s = time.monotonic() + timeout_s
        while not done() and (left_s := end_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)

    def _on_pose(self, message: PoseWithCovarianceStamped) -> None:
        self._answered[stamp_ns_of(message.header.stamp)] = time.perf_counter()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.hardware_id.startswith(self._namespace) and status.name.endswith(": localizer"):
                self.stages = {pair.key: pair.value for pair in status.values if "[ms]" in pair.key}


def measure_latency(
    images: Sequence[ImageRgb], bare: Callable[[ImageRgb], Mapping[str, float]], parameters: Mapping[str, object]
) -> LatencyResult:
    """Give every image to a node of these *parameters*, to an empty one and to the loop *bare*, in turns.

    The loop gives the milliseconds of each of its stages. rclpy must be initialised.

    Raises:
        ConfigError: a node ended or gave no pose.
    """
    with _localizer(parameters) as process, _node_process("vpr_ros.ros.tools.empty_node", EMPTY) as empty_process:
        probe, empty_probe = LatencyProbe(NAMESPACE), LatencyProbe(EMPTY)
        for asked, answering in ((probe, process), (empty_probe, empty_process)):
            asked.wait_for_answer(images[0], answering)
            asked.settle(1.0)  # what was sent while waiting is answered first
        node_ms, floor_ms, bare_ms = [], [], []
        bare_stages: dict[str, list[float]] = {}
        for i, image_rgb in enumerate((*images[:WARM_UP], *images)):
            probe.settle(PAUSE_S)
            node = probe.measure(image_rgb)
            empty_probe.settle(PAUSE_S)
            floor = empty_probe.measure(image_rgb)
            probe.settle(PAUSE_S)
            stages = bare(image_rgb)
            if i >= min(WARM_UP, len(images)):
                bare_ms.append(sum(stages.values()))
                node_ms.append(node)
                floor_ms.append(floor)
                for stage, value_ms in stages.items():
                    bare_stages.setdefault(stage, []).append(value_ms)
        probe.settle(1.2)  # the last diagnostics
        node_stages = probe.stages
        ages_ms, streamed = probe.stream(images)
        probe.destroy_node()
        empty_probe.destroy_node()
    medians = {stage: float(np.median(values_ms)) for stage, values_ms in bare_stages.items()}
    each_ms = (np.array(node_ms), np.array(floor_ms), np.array(bare_ms), np.array(ages_ms))
    return LatencyResult(*each_ms, streamed, node_stages, medians)


@contextlib.contextmanager
def _localizer(parameters: Mapping[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    """The real node in a process of its own; every image is to become a pose, so none is rejected."""
    accepting = {"localizer.max_wrong_rate": 1.0, "localizer.min_probability": 0.0, "localizer.min_inliers": 0}
    every = {**parameters, **accepting}.items()
    arguments = [item for name, value in every for item in ("-p", f"{name}:={value}")]
    with _node_process("vpr_ros", NAMESPACE, ["localize"], arguments) as process:
        yield process


@contextlib.contextmanager
def _node_process(
    module: str, namespace: str, command: Sequence[str] = (), arguments: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """The node of *module* with these *arguments* for ROS, until it is no longer wanted."""
    ros = ["--ros-args", "-r", f"__ns:={namespace}", *arguments]
    line = [sys.executable, "-m", module, *command, *ros]
    process = subprocess.Popen(line, env=dict(os.environ), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
