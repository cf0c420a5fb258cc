# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The ``CameraInfo`` beside the images of a bag."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from vpr_ros.core.camera_info import INFO_NAME, info_content, intrinsics_of, is_rectified
from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.core.fitted_intrinsics import Fitted, fitted
from vpr_ros.core.frames import SizePx
from vpr_ros.sources.bag_messages import CAMERA_INFO
from vpr_ros.sources.bag_recording import BagRecording, RawMessage, read_header

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
            content = info_content(message)
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
            read = intrinsics_of(self.first, size_px, rectified=is_rectified(camera))
        except ConfigError as error:
            return None, [*warnings, f"{self.topic} is not used: {error.problem}"]
        found, remarks = fitted(read, size_px, self.topic)
        return found, warnings + remarks
