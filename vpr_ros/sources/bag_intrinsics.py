"""The ``CameraInfo`` beside the images of a bag."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.core.lens_names import lens_named
from vpr_ros.sources.bag_messages import CAMERA_INFO
from vpr_ros.sources.bag_recording import BagRecording, RawMessage, read_header
from vpr_ros.sources.fitted_intrinsics import Fitted, SizePx, fitted

INFO_NAME: Final = "camera_info"
_RECTIFIED: Final = "image_rect"
_MOST_BODIES: Final = 16


def info_topic(recording: BagRecording, camera: str) -> str | None:
    """Where the ``CameraInfo`` of the images on the raw topic *camera* is, as image_transport names it, or below it."""
    beside, below = f"{camera.rpartition('/')[0]}/{INFO_NAME}", f"{camera}/{INFO_NAME}"
    return next((topic for topic in (below, beside) if recording.types.get(topic) == CAMERA_INFO), None)


@dataclass
class CameraInfos:
    """What the first pass over a bag learns from one ``camera_info`` topic.

    Attributes:
        topic: where the messages are.
        first: of those that deserialise, and ``None`` where there is none.
        frame_id: the TF frame in its header.
        others: how many messages say something else.
        unread: why messages were left out.
    """

    topic: str
    first: Any = None
    frame_id: str = ""
    others: int = 0
    unread: list[str] = field(default_factory=list)
    _bodies: set[bytes] = field(default_factory=set)
    _said: tuple[object, ...] = ()

    def take(self, recording: BagRecording, raw: RawMessage) -> None:
        """Note one message; one that repeats another to the byte is not deserialised."""
        body = raw.data[16 + int.from_bytes(raw.data[12:16], "little" if raw.data[1:2] == b"\1" else "big") :]
        if body in self._bodies:
            return
        try:
            _, frame_id = read_header(raw)
            message = recording.decode(raw)
            content = _content(message)
        except SourceError as error:
            self.unread.append(error.problem)
            return
        except (
            AttributeError,
            TypeError,
            ValueError,
        ):  # the recording's own definition has the names of ROS, not the types
            self.unread.append(f"its fields are none of a {CAMERA_INFO}")
            return
        if self.first is None:
            self.first, self.frame_id, self._said = message, frame_id, content
        elif content != self._said:  # the gaps between numbers may hold anything
            self.others += 1
            return
        if len(self._bodies) < _MOST_BODIES:
            self._bodies.add(body)

    def intrinsics(self, camera: str, size_px: SizePx | None, frame_id: str) -> Fitted:
        """The intrinsics of the images of *camera*, None where there are none to trust; and what is to be said of them.

        Args:
            camera: the raw topic of the images.
            size_px: of the images, None where unknown.
            frame_id: the TF frame in the headers of the images.
        """
        warnings = [f"{len(self.unread)} messages of {self.topic} left out: {self.unread[0]}"] if self.unread else []
        if self.first is None:
            return None, warnings
        if self.others:
            return None, [*warnings, f"{self.topic} says different things ({self.others + 1} times): it is not used"]
        if self.frame_id and frame_id and self.frame_id != frame_id:
            return None, [
                *warnings,
                f"{self.topic} is of frame {self.frame_id!r}, the images of {camera} are in {frame_id!r}: "
                "it is not used",
            ]
        try:
            read = _intrinsics(self.first, camera.rpartition("/")[2].startswith(_RECTIFIED), size_px)
        except ConfigError as error:
            return None, [*warnings, f"{self.topic} is not used: {error.problem}"]
        found, remarks = fitted(read, size_px, self.topic)
        return found, warnings + remarks


def _intrinsics(info: Any, is_rectified: bool, size_px: SizePx | None) -> CameraIntrinsics:
    """What a message says of the images beside it: K and the distortion, or P for those rectified already."""
    K = np.asarray(info.p).reshape(3, 4) if is_rectified else np.asarray(info.k).reshape(3, 3)
    if K[0, 0] == 0:
        raise ConfigError("the camera is not calibrated, its focal length is 0", "Calibrate it")
    width_px, height_px = int(info.width), int(info.height)
    if (width_px, height_px) == (0, 0) and size_px is not None:
        width_px, height_px = size_px
    coefficients = () if is_rectified else tuple(_numbers(info.d))
    lens = lens_named(str(info.distortion_model) if coefficients else "")
    fx_px, fy_px, cx_px, cy_px = _numbers((K[0, 0], K[1, 1], K[0, 2], K[1, 2]))
    whole = CameraIntrinsics(width_px, height_px, fx_px, fy_px, cx_px, cy_px, lens, coefficients)
    return _seen_part(whole if whole.has_distortion else whole.undistorted, info)  # d may be five zeros


def _seen_part(whole: CameraIntrinsics, info: Any) -> CameraIntrinsics:
    """The intrinsics of what the driver cut out of the sensor's image and binned."""
    region = info.roi
    if region.width and region.height:
        sides = (int(region.x_offset), int(region.y_offset), int(region.width), int(region.height))
        whole = whole.cropped(*sides)
    across, down = max(1, int(info.binning_x)), max(1, int(info.binning_y))
    if (across, down) == (1, 1):
        return whole
    return whole.scaled(whole.width_px // across, whole.height_px // down)


def _content(info: Any) -> tuple[object, ...]:
    """What a message says.

    Raises:
        AttributeError, TypeError, ValueError: it is none, whatever the recording calls it.
    """
    region = info.roi
    sizes = (info.width, info.height, info.binning_x, info.binning_y)
    window = (region.x_offset, region.y_offset, region.width, region.height)
    numbers = ((info.d, -1), (info.k, (3, 3)), (info.p, (3, 4)))
    arrays = (np.asarray(array, dtype=np.float64).reshape(shape).tobytes() for array, shape in numbers)
    return (str(info.distortion_model), *map(operator.index, (*sizes, *window)), *arrays)


def _numbers(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values]
