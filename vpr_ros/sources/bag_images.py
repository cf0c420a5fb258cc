# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The images of a bag: all times known at opening, pixels read when somebody asks."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.core.fitted_intrinsics import Fitted
from vpr_ros.core.frames import ImageRgb, SizePx
from vpr_ros.core.image_header import MAX_IMAGE_PIXELS, read_image_header
from vpr_ros.core.message_fields import decode_message
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.sources.bag_files import shown
from vpr_ros.sources.bag_intrinsics import CameraInfos
from vpr_ros.sources.bag_messages import COMPRESSED_IMAGE
from vpr_ros.sources.bag_recording import (
    BagRecording,
    RawMessage,
    is_headless,
    is_unstamped,
    mend_zero_stamps,
    read_header,
)
from vpr_ros.sources.clock_offset import Clock
from vpr_ros.sources.pose_track import REORDERING_NS, refuse_jumps
from vpr_ros.sources.stray_stamps import in_line
from vpr_ros.sources.time_range import seconds

# One query to the storage covers this many images: opening one costs an index look-up per mcap chunk.
_WINDOW = 64
# Images this close ahead are walked to, and the last ones walked past are kept: cameras interleave.
_NEAR = 8
_SAMPLE_BYTES = 32
# A driver that stamps unevenly is read; a clock that was set back by more is not.
_WOBBLE_NS = NS_PER_S


class ImageKey(NamedTuple):
    """Finds one image again."""

    topic: str
    log_ns: int
    stamp_ns: int


@dataclass
class ImageTopic:
    """What the first pass over the bag learns about one camera.

    Attributes:
        topic: where the images are.
        is_compressed: whether the pixels are compressed.
        encoding: of the first image that deserialises; of compressed ones the ``format``.
        sample: the first bytes of that image's data.
        keys: one per image, in the order of the bag.
        frame_ids: number of images by the TF frame in their headers.
        unread: why messages were left out, one reason for each.
        unstamped: which of them have a stamp of zero.
        size_px: width and height of that first image.
        infos: the ``CameraInfo`` beside the images, if there is one.
    """

    topic: str
    is_compressed: bool = False
    encoding: str | None = None
    sample: bytes = b""
    keys: list[ImageKey] = field(default_factory=list)
    frame_ids: Counter[str] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)
    unstamped: list[bool] = field(default_factory=list)
    size_px: SizePx | None = None
    infos: CameraInfos | None = None

    @property
    def camera(self) -> str:
        """The camera's name: the raw topic, so that a compressed recording and a raw live image agree."""
        return camera_name(self.topic)

    @property
    def stamps_ns(self) -> list[int]:
        """When each image was taken; see ``mend_zero_stamps``."""
        return mend_zero_stamps([key.stamp_ns for key in self.keys], self.unstamped)

    def take(self, recording: BagRecording, raw: RawMessage) -> None:
        """Note one message; it is deserialised only until an encoding is known."""
        try:
            stamp_ns, frame_id = read_header(raw)
            if self.encoding is None:
                message = recording.decode(raw)
                self.encoding = message.format if self.is_compressed else message.encoding
                self.sample = bytes(message.data[:_SAMPLE_BYTES])
                self.size_px = _size(message, self.is_compressed)
        except SourceError as error:
            self.unread.append(error.problem)
            return
        self.frame_ids[frame_id] += 1
        self.keys.append(ImageKey(self.topic, raw.log_ns, stamp_ns))
        self.unstamped.append(is_unstamped(raw))

    @property
    def frame_id(self) -> str:
        """The TF frame in the headers of most images."""
        return self.frame_ids.most_common(1)[0][0] if self.frame_ids else ""

    def intrinsics(self) -> Fitted:
        """How the camera sees, None where the recording does not say, and what is to be said of it."""
        return (None, []) if self.infos is None else self.infos.intrinsics(self.camera, self.size_px, self.frame_id)

    @property
    def clock(self) -> Clock:
        """When the images were stamped and recorded."""
        return Clock(self.stamps_ns, [key.log_ns for key in self.keys])

    def settle_stamps(self) -> list[str]:
        """Leave out images whose stamps are out of line with the others; say what was done, one sentence each.

        Raises:
            ClockError: time jumps backwards.
        """
        stamps_ns = np.array(self.stamps_ns, dtype=np.int64)
        kept = in_line(stamps_ns, REORDERING_NS)
        if not kept.all():
            self.keys = [self.keys[k] for k in np.flatnonzero(kept)]
            self.unstamped = [self.unstamped[k] for k in np.flatnonzero(kept)]
            return [
                f"{int((~kept).sum())} of {len(kept)} images of {self.topic} left out, their stamps are out of line "
                "with those around them"
            ]
        back_ns = np.maximum.accumulate(stamps_ns) - stamps_ns
        jumps = int((np.diff(stamps_ns) < -REORDERING_NS).sum())
        if jumps < 2 or back_ns.max() > _WOBBLE_NS:
            refuse_jumps(f"images of {self.topic}", stamps_ns)
            return []
        return [
            f"the stamps of {self.topic} go back {jumps} times, by up to {back_ns.max() / NS_PER_S:.2f} s: its "
            "images are put in their order, and have poses as good as these stamps"
        ]

    def remarks(self) -> list[str]:
        """What is not as it should be with the images, one sentence each."""
        sentences = []
        if self.unread:
            total = len(self.unread) + len(self.keys)
            sentences.append(f"{len(self.unread)} of {total} messages of {self.topic} left out: {self.unread[0]}")
        count = self.frame_ids.total()
        others = count - self.frame_ids[self.frame_id]
        if others:
            sentences.append(f"{others} of {count} images of {self.topic} are in another frame than {self.frame_id!r}")
        return sentences


def camera_name(topic: str) -> str:
    """Topic of the raw images that belong to *topic*."""
    return topic.removesuffix("/compressed")


def _size(message: Any, is_compressed: bool) -> SizePx | None:
    if not is_compressed:
        return int(message.width), int(message.height)
    header = read_image_header(bytes(message.data))
    return None if header is None else (header.width_px, header.height_px)


class BagImages:
    """Reads images by key. Asked in the order of the bag it streams the bag once; any other order works too.

    Between two calls it keeps at most ``_NEAR`` undecoded images and whatever the storage library buffers
    (one mcap chunk). Safe to call from several threads, and after a fork.
    """

    def __init__(
        self,
        recording: BagRecording,
        topics: Collection[str],
        log_times_ns: list[int],
        max_image_pixels: int = MAX_IMAGE_PIXELS,
    ) -> None:
        """Read from *recording* the images of *topics*, recorded at *log_times_ns* (sorted)."""
        self._max_pixels = max_image_pixels
        self._recording = recording
        self._topics = tuple(topics)
        self._log_times_ns = log_times_ns
        self._rewind()

    def _rewind(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        self._stream: Iterator[RawMessage] = iter(())
        self._position = self._window_end = -1
        self._passed: dict[ImageKey, RawMessage] = {}

    def load(self, key: ImageKey) -> ImageRgb:
        """Decode the image called *key*.

        Raises:
            FrameDecodeError: it does not decode.
        """
        return self._decode(self.raw(key))

    def raw(self, key: ImageKey) -> RawMessage:
        """The message called *key*.

        Raises:
            FrameDecodeError: it is not there any more.
        """
        if self._process != os.getpid():  # a forked worker shares the parent's file offset
            self._recording = self._recording.reopened()
            self._rewind()
        with self._lock:
            return self._find(key)

    def _find(self, key: ImageKey) -> RawMessage:
        wanted = bisect_left(self._log_times_ns, key.log_ns)
        near = self._position <= wanted < min(self._window_end, self._position + _NEAR)
        found = self._passed.pop(key, None) or (self._walk_to(key) if near else None)
        if found is None:
            self._open_window(wanted)
            found = self._walk_to(key)
        if found is None:
            raise FrameDecodeError(
                f"{shown(self._recording.path)}: the image of {key.topic} at {key.stamp_ns} ns is not there any more",
                "Do not change a recording while it is read",
            )
        return found

    def _open_window(self, first: int) -> None:
        times = self._log_times_ns
        last = min(first + _WINDOW, len(times)) - 1
        self._position, self._window_end = first, last + 1
        self._stream = self._recording.messages(self._topics, times[first], times[last] + 1)

    def _walk_to(self, key: ImageKey) -> RawMessage | None:
        for raw in self._stream:
            if is_headless(raw):
                continue
            self._position += 1
            here = ImageKey(raw.topic, raw.log_ns, read_header(raw)[0])
            if here == key:
                return raw
            self._passed[here] = raw
            if len(self._passed) > _NEAR:
                del self._passed[next(iter(self._passed))]
        return None

    def _decode(self, raw: RawMessage) -> ImageRgb:
        try:
            message = self._recording.decode(raw)
        except SourceError as error:
            raise FrameDecodeError(error.problem, error.remedy) from error
        origin = f"{raw.topic} at {seconds(read_header(raw)[0])} s"
        is_compressed = self._recording.types[raw.topic] == COMPRESSED_IMAGE
        try:
            return decode_message(message, origin, is_compressed=is_compressed, max_pixels=self._max_pixels)
        except FrameDecodeError as error:
            if is_compressed:  # which names its origin
                raise
            raise FrameDecodeError(f"{origin}: {error.problem}", error.remedy) from error
