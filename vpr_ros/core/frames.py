# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images with their time, camera and place, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.pose import Pose

ImageRgb = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, RGB."""
DepthImage = npt.NDArray[np.float32]
"""(H, W) float32, metres along the optical axis; NaN where unknown."""
SizePx = tuple[int, int]
"""Width, height."""

ODOMETRY_NAME = "odometry.txt"
"""A trajectory in or beside a recording: what its wheels believed, where its poses are another's."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded image.

    Attributes:
        image_rgb: (H, W, 3) uint8.
        stamp_ns: time of exposure.
        camera: name of the camera that took it (a topic, or "camera" for a folder).
        name: unique within its source, for people and reports.
        T_map_base: where the robot was, or None where nobody knows.
    """

    image_rgb: ImageRgb
    stamp_ns: int
    camera: str = "camera"
    name: str = ""
    T_map_base: Pose | None = None


@dataclass(frozen=True, eq=False)
class FrameRecord:
    """A frame whose image is decoded only when somebody asks: gates come before pixels.

    Attributes:
        stamp_ns, camera, name, T_map_base: see ``Frame``.
        load_image: decodes the image.
        load_depth_m: decodes the depth image that is registered to it; None where the recording has none.
    """

    stamp_ns: int
    camera: str
    name: str
    T_map_base: Pose | None
    load_image: Callable[[], ImageRgb] = field(repr=False)
    load_depth_m: Callable[[], DepthImage] | None = field(default=None, repr=False)

    def load(self) -> Frame:
        """Decode the image.

        Raises:
            FrameDecodeError: the image does not decode.
        """
        return Frame(self.load_image(), self.stamp_ns, self.camera, self.name, self.T_map_base)


@dataclass(frozen=True)
class CameraMount:
    """Where a camera sits on the robot, and how it sees.

    Attributes:
        name: the camera's name, as in ``Frame.camera``.
        frame_id: its TF frame, "" where unknown.
        T_base_camera: pose of the (optical) camera frame in the base frame, or None where nobody said:
            then map and robot are taken to carry the camera at the same place.
        intrinsics: how it sees, for images of the size it records, or None where nobody said.
    """

    name: str
    frame_id: str = ""
    T_base_camera: Pose | None = None
    intrinsics: CameraIntrinsics | None = None


@dataclass(frozen=True)
class GeoDatum:
    """Origin of a local east-north-up frame on the WGS-84 ellipsoid."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float


class PositionSigma(NamedTuple):
    """Standard deviation of recorded positions, along x and along y, and along z. Metres.

    It is that of a receiver that wanders slowly: an error which neighbouring frames share, and no average takes out.
    """

    horizontal_m: float
    vertical_m: float


EXACT = PositionSigma(0.0, 0.0)


class FrameSource(Protocol):
    """Frames with poses in time order per camera, from a bag, a folder, a simulation or anything else."""

    @property
    def map_frame_id(self) -> str:
        """The frame the poses are given in."""

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        """Every camera of the source by name."""

    @property
    def datum(self) -> GeoDatum | None:
        """Origin of the local frame when the poses came from GPS."""

    @property
    def is_drive(self) -> bool:
        """Whether each frame follows the one before along a drive; photos of a set lie there in any order."""

    @property
    def description(self) -> str:
        """One line for logs, manifests and reports."""

    def __len__(self) -> int:
        """How many records ``__iter__`` yields."""

    def __iter__(self) -> Iterator[FrameRecord]:
        """Yield the records. May be called again; each call starts from the first record."""


def declared_sigma(source: FrameSource) -> PositionSigma | None:
    """How uncertain the positions of *source* are where it knows, as of GPS; sources that never know say nothing."""
    found: PositionSigma | None = getattr(source, "position_sigma", None)
    return found


def size_px_of(image_rgb: ImageRgb) -> SizePx:
    """Width and height of an image."""
    height_px, width_px = image_rgb.shape[:2]
    return width_px, height_px
