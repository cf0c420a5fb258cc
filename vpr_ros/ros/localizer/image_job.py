# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One image on its way from a camera's callback to its answer, and what it carries with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from sensor_msgs.msg import CompressedImage, Image

from vpr_ros.core.frames import Frame
from vpr_ros.core.image_header import MAX_IMAGE_PIXELS
from vpr_ros.core.message_fields import decode_message
from vpr_ros.localization import Localization
from vpr_ros.ros.localizer.camera_info_input import CameraInfoInput
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.localizer.statistics import CameraStatistics

ImageMessage: TypeAlias = Image | CompressedImage


class Answer(NamedTuple):
    """What became of an image, and the frame it is told in."""

    localization: Localization
    map_frame: str


Outcome: TypeAlias = Answer | Exception | None
"""Of an image: its answer, the exception that came instead, or None from a worker that was stopped before."""
Asker: TypeAlias = Callable[[Outcome], None]
"""Is called with the outcome of an image, in any thread."""


@dataclass(eq=False)
class Camera:
    """What every image of a camera has in common.

    Attributes:
        name: as in the parameters.
        setup: what its images are answered with, those that wait too; exchanged when a parameter changes.
        statistics: what arrived and what became of it.
        info: how it sees; None where nobody listens.
    """

    name: str
    setup: LocalizerSetup
    statistics: CameraStatistics = field(default_factory=CameraStatistics)
    info: CameraInfoInput | None = None


@dataclass(eq=False)
class ImageJob:
    """One image on its way to a pose.

    Attributes:
        message: not decoded yet.
        camera: whose it is, with the setup that is to answer it.
        stamp_ns: time of exposure.
        received_s: when the callback got it, ``time.monotonic()``.
        askers: who wants to know the outcome.
        companions: images of other cameras that are answered with it.
    """

    message: ImageMessage
    camera: Camera
    stamp_ns: int
    received_s: float
    askers: list[Asker] = field(default_factory=list)
    companions: tuple[ImageJob, ...] = ()


def to_frame(message: ImageMessage, camera: str, stamp_ns: int, max_image_pixels: int = MAX_IMAGE_PIXELS) -> Frame:
    """Decode a camera message; pixels are viewed in place where the encoding allows it.

    cv_bridge is not used where ROS provides it: it would be a second decoder with other gaps (it takes a 16-bit grey
    image for an 8-bit one unless told otherwise), and a map and its robot must see the same pixels.

    Raises:
        FrameDecodeError: unknown encoding, too few bytes, more than *max_image_pixels*, or not an image.
    """
    is_compressed = isinstance(message, CompressedImage)
    pixels = decode_message(message, f"camera {camera!r}", is_compressed=is_compressed, max_pixels=max_image_pixels)
    return Frame(pixels, stamp_ns, camera)
