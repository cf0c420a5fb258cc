# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Real processes and a real client on a real ROS graph, for every test of ``vpr_ros.ros``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image

from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, ImageRgb
from vpr_ros.core.pose import Pose
from vpr_ros.inference import open_extractor
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.ros.tools.dds_profile import PROFILE, PROFILE_VARIABLES

StartNode = Callable[..., "RosProcess"]
"""``start(*arguments, **parameters)``: the localizer as a process."""

DEADLINE_S = 30.0
ENDING_S = 5.0
PUBLISH_PERIOD_S = 0.05
SPACING_M = 2.0
SEGMENT_BYTES = 4 * 2**20
LARGE_IMAGES = Path(__file__).parents[2] / "config" / PROFILE


class RosProcess(AbstractContextManager["RosProcess"]):
    """A Python module as a process of the graph, with its output in a file."""

    def __init__(self, module: str, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=dict(env),
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """Everything it wrote so far."""
        return self.log.read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def end(self, with_signal: int = signal.SIGINT, timeout_s: float = DEADLINE_S) -> int:
        """Ask it to end and give its exit status; a process that ignores the signal fails the test."""
        if self.is_running:
            self.process.send_signal(with_signal)
        return self.process.wait(timeout_s)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            print(f"--- output of {self.process.args!r}:\n{self.output}")
        # Killed, it would leave its shared memory behind, and Fast DDS's publisher may fall with it.
        with suppress(subprocess.TimeoutExpired):
            self.end(timeout_s=ENDING_S)
        if self.is_running:
            self.process.kill()
        self.process.wait()


class GraphClient:
    """A node of the test: publishes, collects, calls, and waits for conditions while it spins."""

    def __init__(self, name: str = "test_client") -> None:
        self.node = Node(name)
        self.executor = SingleThreadedExecutor()
        self._clients: dict[str, Any] = {}
        self.executor.add_node(self.node)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()

    def collect(self, message_type: type, topic: str, qos: QoSProfile | int = 10) -> list[Any]:
        """A list that grows with every message on *topic*."""
        messages: list[Any] = []
        self.node.create_subscription(message_type, topic, messages.append, qos)
        return messages

    def wait_for(
        self,
        condition: Callable[[], Any],
        what: str,
        meanwhile: Callable[[], object] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Any:
        """Spin until *condition* is true and give its value; call *meanwhile* 20 times a second."""
        end_s = time.monotonic() + deadline_s
        next_s = 0.0
        while not (value := condition()):
            if time.monotonic() > end_s:
                raise AssertionError(f"after {deadline_s:g} s still waiting for {what}")
            if meanwhile is not None and time.monotonic() >= next_s:
                next_s = time.monotonic() + PUBLISH_PERIOD_S
                meanwhile()
            self.executor.spin_once(timeout_sec=0.02)
        return value

    def call(self, service_type: Any, name: str, request: Any = None, deadline_s: float = DEADLINE_S) -> Any:
        """Call a service and give its response."""
        if name not in self._clients:
            self._clients[name] = self.node.create_client(service_type, name)
            self.wait_for(self._clients[name].service_is_ready, f"service {name}", deadline_s=deadline_s)
            self.introduce(name.rpartition("/")[0], deadline_s)
        client = self._clients[name]
        self.wait_for(client.service_is_ready, f"service {name}", deadline_s=deadline_s)
        future = client.call_async(service_type.Request() if request is None else request)
        self.wait_for(future.done, f"the answer of {name}", deadline_s=deadline_s)
        return future.result()

    def introduce(self, node: str, deadline_s: float = DEADLINE_S) -> None:
        """Wait until *node* knows the clients made so far: it drops the answer for one that it has not discovered.

        It discovers them in the order they were made, so it knows all of them when it answers the last.
        """
        probe = self.node.create_client(GetParameters, f"{node}/get_parameters")
        asked: list[Any] = []
        self.wait_for(
            lambda: any(future.done() for future in asked),
            f"{node} to know its clients",
            lambda: asked.append(probe.call_async(GetParameters.Request())),
            deadline_s,
        )
        self.node.destroy_client(probe)

    def set_parameter(self, node: str, name: str, value: Any) -> SetParametersResult:
        """Set one parameter of another node."""
        message: ParameterMessage = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[message])
        return self.call(SetParameters, f"{node}/set_parameters", request).results[0]


class Diagnostics:
    """The newest diagnostics of the graph by entry name."""

    def __init__(self, client: GraphClient) -> None:
        self._arrays: list[DiagnosticArray] = client.collect(DiagnosticArray, "/diagnostics")

    def __len__(self) -> int:
        """How many messages came."""
        return len(self._arrays)

    def __getitem__(self, name: str) -> DiagnosticStatus | None:
        """The newest entry whose name ends with *name*."""
        newest = self._arrays[-1].status if self._arrays else []
        return next((status for status in newest if status.name.endswith(name)), None)

    def level(self, name: str) -> int | None:
        """0 OK, 1 WARN, 2 ERROR, 3 STALE, None before the first message."""
        status = self[name]
        return None if status is None else status.level[0]

    def message(self, name: str) -> str:
        status = self[name]
        return "" if status is None else str(status.message)

    def value(self, name: str, key: str) -> str:
        """One value of the entry, "" where it has none."""
        status = self[name]
        pairs = {} if status is None else {pair.key: pair.value for pair in status.values}
        return str(pairs.get(key, ""))


def texture(place: int, height_px: int = 240, width_px: int = 320) -> ImageRgb:
    """An image that no other place looks like: coarse coloured blocks with some fine ones on top."""
    rng = np.random.default_rng(place)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    fine = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    size = (width_px, height_px)
    layers = [cv2.resize(layer, size, interpolation=cv2.INTER_NEAREST) for layer in (coarse, fine)]
    return cv2.addWeighted(layers[0], 0.8, layers[1], 0.2, 0).astype(np.uint8, copy=False)


def place_pose(place: int) -> Pose:
    """Where ``texture(place)`` was seen: along x, turned a little."""
    return Pose.from_xy_yaw(SPACING_M * place, 0.0, 0.1)


@dataclass(frozen=True)
class TextureSource:
    """A recorded drive along a row of textures: a ``FrameSource``."""

    places: int = 12
    T_base_camera: Pose | None = None
    map_frame_id: str = "map"
    datum: GeoDatum | None = None
    is_drive: bool = True
    description: str = "textures"
    cameras: Mapping[str, CameraMount] = field(init=False)

    def __post_init__(self) -> None:
        mount = CameraMount("camera", "camera_optical_frame", self.T_base_camera)
        object.__setattr__(self, "cameras", {"camera": mount})

    def __len__(self) -> int:
        return self.places

    def __iter__(self) -> Iterator[FrameRecord]:
        for place in range(self.places):
            yield FrameRecord(
                1_000_000_000 * (place + 1),
                "camera",
                f"texture {place}",
                place_pose(place),
                lambda p=place: texture(p),  # type: ignore[misc]
            )


def make_map(path: Path, places: int = 12, T_base_camera: Pose | None = None) -> Path:
    """Build a map of textures at *path*."""
    source = TextureSource(places, T_base_camera)
    build_map(source, open_extractor(None), path, BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, radius_m=1.0))
    return path


def image_message(image_rgb: ImageRgb, stamp_ns: int, frame_id: str = "camera_optical_frame") -> Image:
    """An ``rgb8`` image."""
    height, width = image_rgb.shape[:2]
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
    message.header.frame_id = frame_id
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    message.data = image_rgb.tobytes()
    return message


def compressed_message(image_rgb: ImageRgb, stamp_ns: int, extension: str = ".jpg") -> CompressedImage:
    """A JPEG or PNG image."""
    message = CompressedImage(format=extension[1:].replace("jpg", "jpeg"))
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    message.data = cv2.imencode(extension, cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
    return message


class FakeCamera:
    """Publishes textures the way a camera driver does, stamped with the wall clock."""

    def __init__(self, client: GraphClient, topic: str = "/image") -> None:
        self._publisher = client.node.create_publisher(Image, topic, qos_profile_sensor_data)
        self.place = 0
        self.sent: dict[int, int] = {}

    def publish(self, stamp_ns: int | None = None) -> None:
        """Publish the current place; ``sent`` maps stamps to places."""
        stamp_ns = time.time_ns() if stamp_ns is None else stamp_ns
        self.sent[stamp_ns] = self.place
        self._publisher.publish(image_message(texture(self.place), stamp_ns))

    def subscribers(self) -> int:
        """How many listen."""
        return int(self._publisher.get_subscription_count())


def profile_of_tests(folder: Path) -> Path:
    """The package's DDS profile with a segment for a dozen of the tests' images, and for a machine's small /dev/shm.

    In the default segment, which two such images fill, what is still unread leaves no room in one piece for a third.
    """
    path = folder / "dds_profile.xml"
    segment = f"<segment_size>{SEGMENT_BYTES}</segment_size>"
    text, changed = re.subn("<segment_size>.*</segment_size>", segment, LARGE_IMAGES.read_text())
    assert changed == 1, LARGE_IMAGES
    path.write_text(text)
    return path


def clean_environment(home: Path, domain_id: int) -> dict[str, str]:
    """The environment of every process of a test session: its own domain, nothing leaves the machine."""
    return {
        **os.environ,
        **dict.fromkeys(PROFILE_VARIABLES, str(profile_of_tests(home))),
        "HOME": str(home),
        "ROS_LOG_DIR": str(home / "log"),
        "ROS_DOMAIN_ID": str(domain_id),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "PYTHONUNBUFFERED": "1",
    }


def init_client_context() -> None:
    """Initialise rclpy in the test's own process, without touching pytest's signal handlers."""
    rclpy.init(args=[], signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
