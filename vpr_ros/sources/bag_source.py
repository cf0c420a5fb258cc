"""A rosbag2 recording as a source of frames with poses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import CameraMount, FrameRecord
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_images import BagImages, ImageTopic
from vpr_ros.sources.bag_poses import TopicPoses
from vpr_ros.sources.bag_recording import BagRecording, unset_stamps
from vpr_ros.sources.bag_topics import image_topics, pose_topic, readable_cameras
from vpr_ros.sources.bag_truth import BagTruth, choose_truth, no_truth
from vpr_ros.sources.frame_tree import FrameTree
from vpr_ros.sources.options import SourceOptions
from vpr_ros.sources.pose_track import listed, refuse_jumps
from vpr_ros.sources.recorded_source import RecordedSource

TF_TYPE = "tf2_msgs/msg/TFMessage"


def open_bag(path: Path, options: SourceOptions) -> RecordedSource:
    """Open *path*: a rosbag2 folder, a folder of storage files, an ``.mcap`` or a ``.db3`` file.

    One pass reads times, poses and TF; pixels are read when somebody asks for them. Images that arrived out of
    order by less than ``pose_track.REORDERING_NS`` are put in order.

    Raises:
        SourceError: damaged, without images or poses, or several pose topics and none chosen.
        ClockError: image and pose times do not meet, or either jumps backwards.
    """
    recording = BagRecording(path)
    topics = image_topics(recording, options)
    poses_on, warnings = pose_topic(recording, options)
    cameras = {topic: ImageTopic(topic) for topic in topics}
    poses = None if poses_on is None else TopicPoses(poses_on, recording.types[poses_on])
    tree = FrameTree()
    tf_topics = [topic for topic, type_name in recording.types.items() if type_name == TF_TYPE]
    for raw in recording.messages([*topics, *tf_topics, *([poses_on] if poses_on else [])]):
        taker = cameras.get(raw.topic) or (poses if raw.topic == poses_on and poses is not None else tree)
        taker.take(recording, raw)
    used, not_read = readable_cameras(recording, options, list(cameras.values()))
    for camera in used:
        refuse_jumps(f"{path.name}: images of {camera.topic}", _stamps(camera))
    truth = choose_truth(options, used, poses, tree)
    return _source(path, recording, options, used, truth, [*warnings, *not_read, *truth.warnings])


def _stamps(camera: ImageTopic) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(camera.stamps_ns, dtype=np.int64)


def _poses_of(
    camera: ImageTopic, truth: BagTruth, options: SourceOptions, warnings: list[str]
) -> Sequence[Pose | None]:
    """The poses of one camera's images; where they are not required, why there are none is a warning."""
    try:
        return truth.read(camera, _stamps(camera))
    except SourceError as error:
        if options.require_poses:
            raise
        warnings.append(f"poses of {truth.origin} are not used for {camera.camera}: {error.problem}")
        return no_truth().read(camera, _stamps(camera))


def _source(
    path: Path,
    recording: BagRecording,
    options: SourceOptions,
    cameras: Sequence[ImageTopic],
    truth: BagTruth,
    warnings: list[str],
) -> RecordedSource:
    log_times_ns = sorted(key.log_ns for camera in cameras for key in camera.keys)
    topics = [camera.topic for camera in cameras]
    images = BagImages(recording, topics, log_times_ns, options.max_image_pixels)
    records: list[tuple[int, FrameRecord]] = []
    posed = 0
    for camera in cameras:
        poses = _poses_of(camera, truth, options, warnings)
        warnings += unset_stamps(f"images of {camera.topic}", camera.stamps_ns, camera.unstamped)
        posed += sum(pose is not None for pose in poses)
        in_order = sorted(zip(camera.stamps_ns, camera.keys, poses, strict=True), key=lambda image: image[0])
        same_time = Counter[int]()
        # By stamp within a camera, by time of recording between cameras: their clocks may differ.
        for log_ns, (stamp_ns, key, pose) in zip(sorted(k.log_ns for k in camera.keys), in_order, strict=True):
            same_time[stamp_ns] += 1
            if pose is not None or not options.require_poses:
                again = f"#{same_time[stamp_ns]}" if same_time[stamp_ns] > 1 else ""
                name = f"{camera.camera}@{stamp_ns}{again}"
                record = FrameRecord(stamp_ns, camera.camera, name, pose, partial(images.load, key))
                records.append((log_ns, record))
    records.sort(key=lambda pair: pair[0])
    warnings += truth.noticed()
    description = _description(path, truth, len(cameras), len(records), len(log_times_ns), posed)
    return RecordedSource(
        truth.map_frame_id,
        {c.camera: CameraMount(c.camera, c.frame_id, truth.mounts.get(c.topic)) for c in cameras},
        "; ".join([description, *warnings]),
        tuple(record for _, record in records),
        truth.datum,
        tuple(warnings),
    )


def _description(path: Path, truth: BagTruth, cameras: int, records: int, images: int, posed: int) -> str:
    parts = [f"{path.name}: {records} images of {cameras} camera(s), poses from {truth.origin}"]
    if images > records:
        parts.append(f"{images - records} outside the poses' time left out")
    elif 0 < posed < images:
        parts.append(f"{images - posed} images without a pose")
    skipped = truth.skipped()
    if skipped:
        parts.append(f"poses not usable: {listed(skipped)}")
    return ", ".join(parts)
