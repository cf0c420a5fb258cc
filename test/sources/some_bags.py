# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Small drives as lists of messages, which a test changes before they are written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_messages import (
    COMPRESSED_IMAGE,
    IMAGE,
    NAV_SAT_FIX,
    ODOMETRY,
    POSE_STAMPED,
    TF_MESSAGE,
    header,
    image,
    message,
    odometry,
    pose_fields,
    transform,
)
from vpr_ros.sources.bag_writer import BagWriter, Storage
from vpr_ros.sources.recorded_source import RecordedSource

SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND
STEP = SECOND // 5
COUNT = 12
CAMERA = "/camera/image_raw"


class Sent(NamedTuple):
    """A message as a recorder would get it."""

    topic: str
    type_name: str
    content: Any
    log_ns: int


def stamp_of(number: int) -> int:
    return T0 + number * STEP


def picture(number: int) -> Any:
    return np.full((4, 6, 3), 10 * number % 256, np.uint8)


def images(topic: str = CAMERA, count: int = COUNT, frame: str = "cam_optical") -> list[Sent]:
    return [Sent(topic, IMAGE, image(picture(k), stamp_of(k), frame), stamp_of(k) + 2) for k in range(count)]


def compressed(topic: str, data: bytes, image_format: str, count: int = COUNT) -> list[Sent]:
    content = np.frombuffer(data, np.uint8)
    return [
        Sent(
            topic,
            COMPRESSED_IMAGE,
            message(COMPRESSED_IMAGE, header=header(stamp_of(k), "cam_optical"), format=image_format, data=content),
            stamp_of(k) + 3,
        )
        for k in range(count)
    ]


def odom(
    topic: str = "/odom", count: int = COUNT, start_m: float = 0.0, frame: str = "odom", child: str = "base_link"
) -> list[Sent]:
    """Half a metre per image along x."""
    return [
        Sent(topic, ODOMETRY, odometry(Pose((start_m + 0.5 * k, 0.0, 0.0)), stamp_of(k), frame, child), stamp_of(k) + 1)
        for k in range(count)
    ]


def pose_stamped(number: int, x_m: float, frame: str) -> Sent:
    pose = pose_fields(Pose((x_m, 0.0, 0.0)))
    content = message(POSE_STAMPED, header=header(stamp_of(number), frame), pose=pose)
    return Sent("/pose", POSE_STAMPED, content, stamp_of(number) + 1)


def fix(
    number: int,
    latitude_deg: float,
    longitude_deg: float,
    altitude_m: float = 500.0,
    status: int = 0,
    frame: str = "gps",
    stamp_ns: int | None = None,
) -> Sent:
    stamp_ns = stamp_of(number) if stamp_ns is None else stamp_ns
    content = message(
        NAV_SAT_FIX,
        header=header(stamp_ns, frame),
        status=message("sensor_msgs/msg/NavSatStatus", status=status, service=1),
        latitude=latitude_deg,
        longitude=longitude_deg,
        altitude=altitude_m,
        position_covariance=np.zeros(9),
        position_covariance_type=0,
    )
    return Sent("/fix", NAV_SAT_FIX, content, stamp_ns + 1)


def moving(topic: str, parent: str, child: str, x_m: float, number: int) -> Sent:
    content = transform(Pose((x_m, 0.0, 0.0)), stamp_of(number), parent, child)
    return Sent(topic, TF_MESSAGE, content, stamp_of(number))


def static(topic: str, parent: str, child: str, x_m: float) -> Sent:
    return Sent(topic, TF_MESSAGE, transform(Pose((x_m, 0.0, 0.0)), T0, parent, child), T0)


def write(path: Path, *parts: Iterable[Sent], storage: Storage = "mcap") -> Path:
    """Record the messages of all *parts* in the order in which they came."""
    with BagWriter(path, storage) as bag:
        for sent in sorted((sent for part in parts for sent in part), key=lambda sent: sent.log_ns):
            bag.write(*sent)
    return path


def x_m(source: RecordedSource) -> list[float]:
    """Where the images with a pose were taken."""
    return [round(record.T_map_base.position_m[0], 6) for record in source if record.T_map_base]


def brightness(source: RecordedSource) -> list[int]:
    """Of each image, which is ten times its number."""
    return [int(record.load().image_rgb[0, 0, 0]) for record in source]


X_M = [0.5 * number for number in range(COUNT)]
BRIGHTNESS = [10 * number for number in range(COUNT)]
