# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The depth images of a bag: to which camera they are registered, and which belongs to which image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from vpr_ros.core.depth_codec import DEPTH_ENCODINGS, decode_depth_compressed, decode_depth_raw
from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.core.frames import DepthImage
from vpr_ros.sources.bag_files import shown
from vpr_ros.sources.bag_images import BagImages, ImageKey, ImageTopic
from vpr_ros.sources.bag_messages import COMPRESSED_IMAGE
from vpr_ros.sources.bag_recording import BagRecording
from vpr_ros.sources.depth_files import DepthLoader, nearest_stamp
from vpr_ros.sources.time_range import seconds


class BagDepth:
    """Finds and loads the depth image of an image; of a bag without any it finds none.

    Attributes:
        warnings: what is to be said of them, one sentence each.
    """

    def __init__(self, cameras: Sequence[str] = (), images: DepthMessages | None = None) -> None:
        """Depth images that are registered to the cameras on the topics *cameras*."""
        self.warnings: list[str] = []
        self._cameras, self._images = frozenset(cameras), images

    @classmethod
    def of(
        cls, recording: BagRecording, depth: ImageTopic | None, cameras: Sequence[ImageTopic], max_pixels: int
    ) -> BagDepth:
        """Those that *depth* has learned of in the first pass; None: there are none.

        Raises:
            SourceError: they are no depth, or registered to none of several *cameras*.
        """
        if depth is None:
            return cls()
        _check(recording, depth)
        own = [camera.topic for camera in cameras if camera.frame_id == depth.frame_id]
        if not own and len(cameras) > 1:
            listed = ", ".join(f"{camera.topic} (frame {camera.frame_id})" for camera in cameras)
            raise SourceError(
                f"the depth images of {depth.topic} are in frame {depth.frame_id!r}, none of the cameras is: {listed}",
                "Choose the camera they are registered to with --image-topic, or other depth images",
            )
        found = cls(own or [camera.topic for camera in cameras], DepthMessages(recording, depth, max_pixels))
        if not own:
            found.warnings.append(
                f"depth images of {depth.topic} are in frame {depth.frame_id!r}, the images of {cameras[0].topic} in "
                f"{cameras[0].frame_id!r}: they are taken to be registered to them"
            )
        return found

    def loader(self, camera: ImageTopic, stamp_ns: int) -> DepthLoader | None:
        """What loads the depth image of the image of *camera* at this time; None where there is none."""
        if self._images is None or camera.topic not in self._cameras:
            return None
        return self._images.loader(stamp_ns)


class DepthMessages:
    """The messages of one topic, by time. Safe to call from several threads, and after a fork."""

    def __init__(self, recording: BagRecording, depth: ImageTopic, max_pixels: int) -> None:
        """Read from *recording* what *depth* has learned of."""
        self._recording, self._max_pixels = recording, max_pixels
        self._is_compressed = recording.types[depth.topic] == COMPRESSED_IMAGE
        by_time = sorted(zip(depth.stamps_ns, depth.keys, strict=True))
        self._stamps_ns = [stamp_ns for stamp_ns, _ in by_time]
        self._keys = [key for _, key in by_time]
        # Files of its own: the images are read from several threads at the same time.
        self._messages = BagImages(recording.reopened(), [depth.topic], sorted(key.log_ns for key in depth.keys))

    def loader(self, stamp_ns: int) -> DepthLoader | None:
        """What loads the nearest one; None where none is near."""
        nearest = nearest_stamp(self._stamps_ns, stamp_ns)
        return None if nearest is None else partial(self._load, self._keys[nearest])

    def _load(self, key: ImageKey) -> DepthImage:
        raw = self._messages.raw(key)
        try:
            message = self._recording.decode(raw)
        except SourceError as error:
            raise FrameDecodeError(error.problem, error.remedy) from error
        origin = f"{key.topic} at {seconds(key.stamp_ns)} s"
        if self._is_compressed:
            return decode_depth_compressed(bytes(message.data), message.format, origin, max_pixels=self._max_pixels)
        return decode_depth_raw(
            message.data,
            message.height,
            message.width,
            message.encoding,
            message.step,
            bool(message.is_bigendian),
            origin,
            max_pixels=self._max_pixels,
        )


def _check(recording: BagRecording, depth: ImageTopic) -> None:
    if not depth.keys:
        why = depth.unread[0] if depth.unread else "no message"
        raise SourceError(
            f"no depth image of {depth.topic} in {shown(recording.path)} can be read: {why}",
            "Choose another --depth-topic, or leave it out",
        )
    encoding = (depth.encoding or "").strip()
    is_depth = encoding.lower() in DEPTH_ENCODINGS if not depth.is_compressed else _may_be_depth(encoding)
    if not is_depth:
        raise SourceError(
            f"{depth.topic} in {shown(recording.path)} holds {encoding!r}, expected depth: 16UC1 or 32FC1, or "
            "compressedDepth as PNG",
            "Choose the topic of the registered depth images with --depth-topic",
        )


def _may_be_depth(image_format: str) -> bool:
    low = image_format.lower()
    return "compresseddepth" in low or low.startswith(DEPTH_ENCODINGS) or low in ("png", "")
