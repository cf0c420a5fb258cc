"""Write a rosbag2 folder: what ``simulate --record`` leaves behind and what the tests read."""

from __future__ import annotations

import heapq
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer

from vpr_ros.core.disk import refusal
from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import CameraMount, Frame
from vpr_ros.core.pose import Pose
from vpr_ros.sources import bag_messages as messages
from vpr_ros.sources.bag_files import shown
from vpr_ros.sources.bag_storage import is_plain

Storage = Literal["mcap", "sqlite3"]

_FOREVER: Final = QosTime(sec=0, nsec=0)
_LATCHED: Final = Qos(
    QosHistory.KEEP_LAST,
    1,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    _FOREVER,
    _FOREVER,
    QosLiveliness.SYSTEM_DEFAULT,
    _FOREVER,
    False,
)


class BagWriter:
    """A bag that appears under its name when it is complete, and not at all when writing fails.

    Use as a context manager. The format is version 9, which ``ros2 bag`` of Jazzy and later reads.
    """

    def __init__(self, path: Path, storage: Storage = "mcap") -> None:
        """Prepare to write the folder *path*.

        Raises:
            SourceError: *path* exists, or a recording of that kind cannot have that name.
        """
        if path.exists():
            raise SourceError(f"{shown(path)} exists already", "Give another folder, or remove this one first")
        if shown(path) != str(path) or (storage == "sqlite3" and not is_plain(path)):
            raise SourceError(
                f"a {storage} recording cannot be written to {shown(path)}: its name would be taken for another",
                "Give a path that is a line of text in UTF-8"
                + (" without '?', '#' and '%', or record as mcap" if storage == "sqlite3" else ""),
            )
        self._path = path
        self._storage = storage
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        """Open the unfinished bag.

        Raises:
            SourceError: the disk refused.
        """
        with self._disk():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary = tempfile.TemporaryDirectory(prefix=f".{self._path.name}.", dir=self._path.parent)
        # The storage file is named after its folder, so the unfinished bag must carry the final name.
        self._unfinished = Path(self._temporary.name, self._path.name)
        self._writer = Writer(self._unfinished, version=9, storage_plugin=StoragePlugin[self._storage.upper()])
        try:
            with self._disk():
                self._writer.open()
        except SourceError:
            self._temporary.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is not None:
                with suppress(Exception):  # what cannot be written cannot be closed either; the first failure counts
                    self._writer.__exit__(kind, error, traceback)
                return
            with self._disk():
                self._writer.__exit__(kind, error, traceback)
                self._unfinished.rename(self._path)
        finally:
            self._temporary.cleanup()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise refusal(self._path, error, SourceError) from error

    def write(self, topic: str, type_name: str, message: Any, log_time_ns: int) -> None:
        """Append one message; a topic is declared when it is first written to.

        Raises:
            SourceError: the disk refused.
        """
        if topic not in self._connections:
            latched = (_LATCHED,) if topic.endswith("/tf_static") else ()
            with self._disk():
                self._connections[topic] = self._writer.add_connection(
                    topic, type_name, typestore=messages.TYPESTORE, offered_qos_profiles=latched
                )
        data = messages.TYPESTORE.serialize_cdr(message, type_name)
        with self._disk():
            self._writer.write(self._connections[topic], log_time_ns, data)


@dataclass(frozen=True)
class BagLayout:
    """What a recording is called and which frames it is in.

    Attributes:
        storage: "mcap" or "sqlite3".
        compressed: JPEG instead of raw images, on ``<topic>/compressed``.
        map_frame: frame of the odometry.
        base_frame: child frame of the odometry.
        odometry_topic: where the odometry goes.
        mounts: by camera name; known mounts are written to ``/tf_static``, the others only give their frame; cameras
            with intrinsics get a ``camera_info`` beside their images.
    """

    storage: Storage = "mcap"
    compressed: bool = False
    map_frame: str = "map"
    base_frame: str = "base_link"
    odometry_topic: str = "/odom"
    mounts: Mapping[str, CameraMount] = field(default_factory=dict)


@dataclass(frozen=True)
class StampedPose:
    """``T_map_base`` at a time."""

    stamp_ns: int
    T_map_base: Pose


def image_topic(camera: str) -> str:
    """The raw image topic of a camera: its name when that is a topic, else ``/<name>/image_raw``."""
    return camera if camera.startswith("/") else f"/{camera}/image_raw"


def write_bag(
    path: Path,
    frames: Iterable[Frame],
    odometry: Iterable[StampedPose] | None = None,
    layout: BagLayout = BagLayout(),
) -> int:
    """Record frames and odometry as a robot would have.

    Both iterables are consumed as they come, one frame in memory at a time, and merged by time.

    Args:
        path: the folder to make.
        frames: in time order; ``Frame.camera`` decides the topic (see ``image_topic``).
        odometry: in time order; None takes the frames' own poses at their own times.
        layout: topics, frames, storage.

    Returns:
        Number of images written.

    Raises:
        SourceError: *path* exists, the disk refused, or an image cannot be encoded.
    """
    count = 0
    with BagWriter(path, layout.storage) as bag:
        for item in _by_time(frames, odometry):
            if isinstance(item, StampedPose):
                _write_pose(bag, item.stamp_ns, item.T_map_base, layout)
                continue
            if count == 0:
                _write_mounts(bag, item.stamp_ns, layout)
            if odometry is None and item.T_map_base is not None:
                _write_pose(bag, item.stamp_ns, item.T_map_base, layout)
            _write_frame(bag, item, layout)
            count += 1
    return count


def _by_time(frames: Iterable[Frame], odometry: Iterable[StampedPose] | None) -> Iterator[Frame | StampedPose]:
    """Poses come before images of the same time."""
    return heapq.merge(odometry or (), frames, key=lambda item: item.stamp_ns)


def _write_frame(bag: BagWriter, frame: Frame, layout: BagLayout) -> None:
    topic = image_topic(frame.camera)
    mount = layout.mounts.get(frame.camera)
    frame_id = mount.frame_id if mount and mount.frame_id else frame.camera.strip("/").replace("/", "_")
    stamp_ns = frame.stamp_ns
    if layout.compressed:
        message = messages.compressed_image(frame.image_rgb, stamp_ns, frame_id)
        bag.write(f"{topic}/compressed", messages.COMPRESSED_IMAGE, message, stamp_ns)
    else:
        bag.write(topic, messages.IMAGE, messages.image(frame.image_rgb, stamp_ns, frame_id), stamp_ns)
    if mount is not None and mount.intrinsics is not None:
        info = messages.camera_info(mount.intrinsics, stamp_ns, frame_id)
        bag.write(f"{topic.rpartition('/')[0]}/camera_info", messages.CAMERA_INFO, info, stamp_ns)


def _write_pose(bag: BagWriter, stamp_ns: int, T_map_base: Pose, layout: BagLayout) -> None:
    message = messages.odometry(T_map_base, stamp_ns, layout.map_frame, layout.base_frame)
    bag.write(layout.odometry_topic, messages.ODOMETRY, message, stamp_ns)


def _write_mounts(bag: BagWriter, stamp_ns: int, layout: BagLayout) -> None:
    for mount in layout.mounts.values():
        if mount.T_base_camera is not None and mount.frame_id:
            message = messages.transform(mount.T_base_camera, stamp_ns, layout.base_frame, mount.frame_id)
            bag.write("/tf_static", messages.TF_MESSAGE, message, stamp_ns)
