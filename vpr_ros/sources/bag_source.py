"""A rosbag2 recording as a source of frames with poses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_images import IMAGE_TYPES, BagImages, ImageTopic, camera_name
from vpr_ros.sources.bag_poses import POSE_TYPES, TopicPoses
from vpr_ros.sources.bag_recording import BagRecording
from vpr_ros.sources.frame_tree import FrameTree
from vpr_ros.sources.options import SourceOptions
from vpr_ros.sources.pose_track import PoseSamples, pose_track
from vpr_ros.sources.recorded_source import RecordedSource
from vpr_ros.sources.trajectory_file import read_trajectory

TF_TYPE = "tf2_msgs/msg/TFMessage"
DEPTH_ENCODINGS = frozenset({"16UC1", "32FC1"})

PoseReader = Callable[[ImageTopic], Sequence[Pose | None]]


def open_bag(path: Path, options: SourceOptions) -> RecordedSource:
    """Open *path*, a folder, an ``.mcap`` or a ``.db3`` file.

    One pass reads times, poses and TF; pixels are read when somebody asks for them.

    Raises:
        SourceError: damaged, without images or poses, or several pose topics and none chosen.
        ClockError: image and pose times do not meet.
    """
    recording = BagRecording(path)
    image_topics = _image_topics(recording, options)
    pose_topic = _pose_topic(recording, options)
    cameras = {topic: ImageTopic(topic) for topic in image_topics}
    poses = None if pose_topic is None else TopicPoses(pose_topic, recording.types[pose_topic])
    tree = FrameTree()
    tf_topics = [topic for topic, type_name in recording.types.items() if type_name == TF_TYPE]
    wanted = [*image_topics, *tf_topics, *([pose_topic] if pose_topic else [])]
    for raw in recording.messages(wanted):
        taker = cameras.get(raw.topic) or (poses if raw.topic == pose_topic and poses is not None else tree)
        taker.take(recording, raw)
    used = [camera for camera in cameras.values() if options.image_topics or camera.encoding not in DEPTH_ENCODINGS]
    read_poses, mounts, origin, frame_id, datum = _poses(path, options, used, poses, tree)
    return _source(path, recording, options, used, read_poses, mounts, origin, frame_id, datum)


def _image_topics(recording: BagRecording, options: SourceOptions) -> list[str]:
    found = [topic for topic, type_name in recording.types.items() if type_name in IMAGE_TYPES]
    if options.image_topics:
        missing = sorted(set(options.image_topics) - set(found))
        if missing:
            listed = ", ".join(found) or "none"
            raise SourceError(
                f"{recording.path} has no images on {', '.join(missing)}; its image topics are {listed}",
                "Choose one of them with --image-topic",
            )
        return list(options.image_topics)
    if not found:
        raise SourceError(
            f"{recording.path} holds no image; its topics are {', '.join(sorted(recording.types)) or 'none'}",
            "Record sensor_msgs/Image or CompressedImage",
        )
    # A camera recorded both ways is read once, without compression.
    return [topic for topic in found if camera_name(topic) == topic or camera_name(topic) not in found]


def _pose_topic(recording: BagRecording, options: SourceOptions) -> str | None:
    if options.poses is not None or (options.map_frame is not None and options.pose_topic is None):
        return None
    found = [topic for topic, type_name in recording.types.items() if type_name in POSE_TYPES]
    listed = ", ".join(f"{topic} ({recording.types[topic]})" for topic in found) or "none"
    if options.pose_topic is not None:
        if options.pose_topic not in found:
            raise SourceError(
                f"{recording.path} has no poses on {options.pose_topic}; its pose topics are {listed}",
                "Choose one of them with --pose-topic",
            )
        return options.pose_topic
    if len(found) == 1:
        return found[0]
    if not options.require_poses:
        return None
    if found:
        raise SourceError(f"{recording.path} has several pose topics: {listed}", "Choose one with --pose-topic")
    raise SourceError(
        f"{recording.path} has no pose topic",
        "Take poses from TF with --map-frame map, or give a trajectory with --poses FILE",
    )


def _poses(
    path: Path, options: SourceOptions, cameras: Sequence[ImageTopic], poses: TopicPoses | None, tree: FrameTree
) -> tuple[PoseReader, Mapping[str, Pose | None], str, str, GeoDatum | None]:
    """How a camera's poses are read, its mount, where they come from, their frame, the datum."""
    if options.poses is not None:
        trajectory = read_trajectory(options.poses)
        if trajectory.timed is None:
            raise SourceError(
                f"{options.poses} is a {trajectory.format} trajectory without times, a bag's images have no names",
                "Give a TUM or EuRoC trajectory",
            )
        track = pose_track(str(options.poses), trajectory.timed)
        mounts = {c.topic: tree.rigid(options.base_frame, c.frame_id) for c in cameras}
        reader = partial(_timed, track.at, options)
        return reader, mounts, f"trajectory {options.poses.name}", options.map_frame or "map", None
    if poses is not None:
        topic_track, datum = poses.track()
        base = poses.child_frame_id or options.base_frame
        mounts = {c.topic: tree.rigid(base, c.frame_id) for c in cameras}
        frame_id = options.map_frame or poses.frame_id or "map"
        return partial(_timed, topic_track.at, options), mounts, poses.topic, frame_id, datum
    if options.map_frame is not None:
        camera_frames = {c.topic: options.camera_frame or c.frame_id for c in cameras}
        mounts = {topic: tree.rigid(options.base_frame, frame) for topic, frame in camera_frames.items()}
        reader = partial(_from_tree, tree, options, camera_frames, mounts)
        return reader, mounts, f"TF {options.map_frame}", options.map_frame, None
    return (lambda camera: [None] * len(camera.keys)), {}, "nothing", "map", None


def _timed(at: Callable[..., PoseSamples], options: SourceOptions, camera: ImageTopic) -> Sequence[Pose | None]:
    return at(_stamps(camera), options.max_gap_ns).poses()


def _from_tree(
    tree: FrameTree,
    options: SourceOptions,
    camera_frames: Mapping[str, str],
    mounts: Mapping[str, Pose | None],
    camera: ImageTopic,
) -> Sequence[Pose | None]:
    # Where the base is rigidly linked to the camera, poses are those of the base.
    source = camera_frames[camera.topic] if mounts[camera.topic] is None else options.base_frame
    return tree.lookup(options.map_frame or "map", source, _stamps(camera), options.max_gap_ns).poses()


def _stamps(camera: ImageTopic) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array([key.stamp_ns for key in camera.keys], dtype=np.int64)


def _source(
    path: Path,
    recording: BagRecording,
    options: SourceOptions,
    cameras: Sequence[ImageTopic],
    read_poses: PoseReader,
    mounts: Mapping[str, Pose | None],
    origin: str,
    frame_id: str,
    datum: GeoDatum | None,
) -> RecordedSource:
    log_times_ns = sorted(key.log_ns for camera in cameras for key in camera.keys)
    images = BagImages(recording, [camera.topic for camera in cameras], log_times_ns)
    records = []
    total = 0
    for camera in cameras:
        for key, pose in zip(camera.keys, read_poses(camera), strict=True):
            total += 1
            if pose is not None or not options.require_poses:
                name = f"{camera.camera}@{key.stamp_ns}"
                load = partial(images.load, key)
                records.append((key.log_ns, FrameRecord(key.stamp_ns, camera.camera, name, pose, load)))
    records.sort(key=lambda pair: pair[0])
    left_out = total - len(records)
    note = f", {left_out} outside the poses' time left out" if left_out else ""
    return RecordedSource(
        frame_id,
        {c.camera: CameraMount(c.camera, c.frame_id, mounts.get(c.topic)) for c in cameras},
        f"{path.name}: {len(records)} images of {len(cameras)} camera(s), poses from {origin}{note}",
        tuple(record for _, record in records),
        datum,
    )
