# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A rosbag2 recording as a source of frames with poses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vpr_ros.core.errors import ClockError, SourceError
from vpr_ros.core.frames import CameraMount, FrameRecord
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_depth import BagDepth
from vpr_ros.sources.bag_files import shown
from vpr_ros.sources.bag_images import BagImages, ImageTopic
from vpr_ros.sources.bag_intrinsics import CameraInfos, info_topic
from vpr_ros.sources.bag_messages import COMPRESSED_IMAGE, TF_MESSAGE
from vpr_ros.sources.bag_poses import TopicPoses
from vpr_ros.sources.bag_recording import BagRecording, unset_stamps
from vpr_ros.sources.bag_topics import cameras_of_others, depth_topic, image_topics, pose_topic, readable_cameras
from vpr_ros.sources.bag_truth import BagTruth, choose_truth, no_truth
from vpr_ros.sources.frame_trees import FrameTrees
from vpr_ros.sources.options import SourceOptions
from vpr_ros.sources.pose_track import PoseGapError, listed, longest
from vpr_ros.sources.recorded_source import RecordedSource


def open_bag(path: Path, options: SourceOptions) -> RecordedSource:
    """Open *path*: a rosbag2 folder, a folder of storage files, an ``.mcap`` or a ``.db3`` file.

    One pass reads times, poses and TF; pixels are read when somebody asks for them. Images that arrived out of
    order by less than ``pose_track.REORDERING_NS`` are put in order.

    Raises:
        SourceError: damaged, without images or poses, or several pose topics and none chosen.
        ClockError: image and pose times do not meet, or either jumps backwards.
    """
    recording = BagRecording(path)
    depth_on = depth_topic(recording, options)
    topics = [topic for topic in image_topics(recording, options) if topic != depth_on]
    poses_on, warnings = pose_topic(recording, options)
    cameras = {topic: ImageTopic(topic, recording.types[topic] == COMPRESSED_IMAGE) for topic in topics}
    infos = _camera_infos(recording, cameras.values())
    depth = None if depth_on is None else ImageTopic(depth_on, recording.types[depth_on] == COMPRESSED_IMAGE)
    poses = None
    if poses_on is not None:
        poses = TopicPoses(poses_on, recording.types[poses_on], options.map_frame, options.base_frame)
    tf_topics = [topic for topic, type_name in recording.types.items() if type_name == TF_MESSAGE]
    read = [*topics, *tf_topics, *filter(None, (poses_on, depth_on))]
    trees = FrameTrees()
    for raw in recording.messages([*read, *infos]):
        if raw.topic in cameras:
            cameras[raw.topic].take(recording, raw)
        elif depth is not None and raw.topic == depth_on:
            depth.take(recording, raw)
        elif raw.topic in infos:
            infos[raw.topic].take(recording, raw)
        elif poses is not None and raw.topic == poses_on:
            poses.take(recording, raw)
        else:
            trees.take(recording, raw)
    used, not_read = readable_cameras(recording, options, list(cameras.values()))
    used, of_others = cameras_of_others(recording, options, poses_on, used)
    warnings = [*recording.notices, *recording.remarks(read), *trees.unread(), *warnings, *not_read, *of_others]
    return _source(recording, options, used, choose_truth(options, used, poses, trees), warnings, depth)


def _camera_infos(recording: BagRecording, cameras: Iterable[ImageTopic]) -> dict[str, CameraInfos]:
    """What is beside the images of *cameras*, by topic; cameras may share one, and each is given its own."""
    found: dict[str, CameraInfos] = {}
    for camera in cameras:
        if (topic := info_topic(recording, camera.camera)) is not None:
            camera.infos = found.setdefault(topic, CameraInfos(topic))
    return found


def _stamps(camera: ImageTopic) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(camera.stamps_ns, dtype=np.int64)


class _Posed(NamedTuple):
    """A camera with the poses of its images, None where not known."""

    camera: ImageTopic
    poses: Sequence[Pose | None]


def _posed(cameras: Sequence[ImageTopic], truth: BagTruth, options: SourceOptions, warnings: list[str]) -> list[_Posed]:
    """The poses of all cameras' images. Where they are not required, why there are none is a warning.

    A camera whose clock is wrong is left out with a warning where nobody asked for it by name and others are right.

    Raises:
        SourceError: nothing can be used.
        PoseGapError: images lie in gaps; its remedy does for all cameras.
    """
    posed: list[_Posed] = []
    gaps: list[PoseGapError] = []
    failures: dict[str, ClockError] = {}
    for camera in cameras:
        outcome = _camera_posed(camera, truth, options, warnings)
        if isinstance(outcome, _Posed):
            posed.append(outcome)
        elif isinstance(outcome, PoseGapError):
            gaps.append(outcome)
        elif options.image_topics:
            raise outcome
        else:
            failures[camera.topic] = outcome
    if gaps:
        raise longest(gaps)
    if not posed:
        raise next(iter(failures.values()))
    warnings += [f"{topic} is not read: {error.problem}" for topic, error in failures.items()]
    return posed


def _camera_posed(
    camera: ImageTopic, truth: BagTruth, options: SourceOptions, warnings: list[str]
) -> _Posed | ClockError:
    """A camera with the poses of its images, or what is wrong with its clock."""
    try:
        warnings += camera.settle_stamps()
        return _Posed(camera, _poses_of(camera, truth, options, warnings))
    except ClockError as error:
        return error


def _poses_of(
    camera: ImageTopic, truth: BagTruth, options: SourceOptions, warnings: list[str]
) -> Sequence[Pose | None]:
    try:
        return truth.read(camera, _stamps(camera))
    except SourceError as error:
        if options.require_poses:
            raise
        warnings.append(f"poses of {truth.origin} are not used for {camera.camera}: {error.problem}")
        return no_truth().read(camera, _stamps(camera))


def _source(
    recording: BagRecording,
    options: SourceOptions,
    cameras: Sequence[ImageTopic],
    truth: BagTruth,
    warnings: list[str],
    depth_images: ImageTopic | None,
) -> RecordedSource:
    warnings += truth.warnings
    posed = _posed(cameras, truth, options, warnings)
    used = [camera for camera, _ in posed]
    depth = BagDepth.of(recording, depth_images, used, options.max_image_pixels)
    log_times_ns = sorted(key.log_ns for camera in used for key in camera.keys)
    images = BagImages(recording, [camera.topic for camera in used], log_times_ns, options.max_image_pixels)
    records = sorted(
        (record for camera, poses in posed for record in _records(camera, poses, images, depth, options.require_poses)),
        key=lambda pair: pair[0],
    )
    for camera in used:
        warnings += camera.remarks()
        warnings += unset_stamps(f"images of {camera.topic}", camera.stamps_ns, camera.unstamped)
    warnings += truth.noticed(used)
    of_intrinsics: list[str] = list(depth.warnings)
    mounts = {}
    for camera in used:
        intrinsics, remarks = camera.intrinsics()
        of_intrinsics += remarks
        mounts[camera.camera] = CameraMount(camera.camera, camera.frame_id, truth.mounts.get(camera.topic), intrinsics)
    known = sum(pose is not None for _, poses in posed for pose in poses)
    description = _description(recording.path, truth, len(used), len(records), len(log_times_ns), known)
    return RecordedSource(
        truth.map_frame_id,
        mounts,
        "; ".join([description, *warnings]),
        tuple(record for _, record in records),
        truth.datum,
        (*warnings, *of_intrinsics),
        position_sigma=truth.position_sigma,
    )


def _records(
    camera: ImageTopic, poses: Sequence[Pose | None], images: BagImages, depth: BagDepth, require_poses: bool
) -> Iterator[tuple[int, FrameRecord]]:
    """The camera's images with the times that put them between those of other cameras.

    By stamp within a camera, by time of recording between cameras: their clocks may differ.
    """
    in_order = sorted(zip(camera.stamps_ns, camera.keys, poses, strict=True), key=lambda image: image[0])
    same_time = Counter[int]()
    for log_ns, (stamp_ns, key, pose) in zip(sorted(k.log_ns for k in camera.keys), in_order, strict=True):
        same_time[stamp_ns] += 1
        if pose is not None or not require_poses:
            again = f"#{same_time[stamp_ns]}" if same_time[stamp_ns] > 1 else ""
            name = f"{camera.camera}@{stamp_ns}{again}"
            load_depth_m = depth.loader(camera, stamp_ns)
            yield log_ns, FrameRecord(stamp_ns, camera.camera, name, pose, partial(images.load, key), load_depth_m)


def _description(path: Path, truth: BagTruth, cameras: int, records: int, images: int, posed: int) -> str:
    parts = [f"{shown(path.name)}: {records} images of {cameras} camera(s), poses from {truth.origin}"]
    if images > records:
        parts.append(f"{images - records} outside the poses' time left out")
    elif 0 < posed < images:
        parts.append(f"{images - posed} images without a pose")
    skipped = truth.skipped()
    if skipped:
        parts.append(f"poses not usable: {listed(skipped)}")
    return ", ".join(parts)
