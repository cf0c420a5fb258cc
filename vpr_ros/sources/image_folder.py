"""A folder of images with a trajectory, with poses in the file names, or with none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import CameraMount, FrameRecord
from vpr_ros.core.pose import Pose
from vpr_ros.sources.image_file import list_images, read_image
from vpr_ros.sources.options import SourceOptions
from vpr_ros.sources.pose_track import pose_track
from vpr_ros.sources.recorded_source import RecordedSource
from vpr_ros.sources.trajectory import Trajectory
from vpr_ros.sources.trajectory_file import find_trajectory, read_trajectory
from vpr_ros.sources.trajectory_text import parse_stamp_ns
from vpr_ros.sources.vpr_names import has_vpr_names, pose_of_name

CAMERA = "camera"
FRAME_NS = 33_333_333
"""Between images whose names are no times: the order is what counts."""


def open_folder(folder: Path, options: SourceOptions) -> RecordedSource:
    """Open the images of *folder*.

    Raises:
        SourceError: no image, no poses where they are required, or poses that do not belong to the images.
        ClockError: image and pose times do not meet.
    """
    images = list_images(folder)
    stamps_ns, timed = image_stamps_ns(images)
    file = options.poses or find_trajectory(folder)
    trajectory = None
    if file is not None:
        trajectory = read_trajectory(file)
        poses = _poses_of(trajectory, file, folder, images, stamps_ns if timed else None, options)
        origin = f"{trajectory.format} trajectory {file.name}"
    elif has_vpr_names(images):
        poses, origin = [pose_of_name(image) for image in images], "file names"
    elif options.require_poses:
        raise SourceError(
            f"{folder} has {len(images)} images and no poses",
            "Give a trajectory with --poses FILE (TUM, KITTI, EuRoC, COLMAP text or CSV)",
        )
    else:
        poses, origin = [None] * len(images), "nothing"
    records = tuple(
        FrameRecord(stamp, CAMERA, image.relative_to(folder).as_posix(), pose, partial(read_image, image))
        for stamp, image, pose in zip(stamps_ns, images, poses, strict=True)
        if (pose is not None and pose.is_finite) or not options.require_poses
    )
    left_out = len(images) - len(records)
    if not records:
        raise SourceError(
            f"none of the {len(images)} images of {folder} has a pose in {origin}", "Check names and times"
        )
    note = f", {left_out} without a pose left out" if left_out else ""
    return RecordedSource(
        options.map_frame or "map",
        {CAMERA: CameraMount(CAMERA, options.camera_frame or "")},
        f"{folder.name}: {len(records)} images, poses from {origin}{note}",
        records,
        None if trajectory is None else trajectory.datum,
    )


def image_stamps_ns(images: Sequence[Path]) -> tuple[list[int], bool]:
    """Times from the file names, and True; or, where a name is no time, made-up times in order, and False."""
    stamps = [parse_stamp_ns(image.stem) for image in images]
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) == len(images):
        return known, True
    return [FRAME_NS * number for number in range(len(images))], False


def _poses_of(
    trajectory: Trajectory,
    file: Path,
    folder: Path,
    images: Sequence[Path],
    stamps_ns: Sequence[int] | None,
    options: SourceOptions,
) -> list[Pose | None]:
    if trajectory.named is not None:
        return _by_name(trajectory, file, folder, images, options)
    if trajectory.timed is not None and stamps_ns is not None:
        track = pose_track(str(file), trajectory.timed)
        return track.at(np.array(stamps_ns, dtype=np.int64), options.max_gap_ns).poses()
    ordered = trajectory.ordered if trajectory.timed is None else [pose for _, pose in trajectory.timed]
    if ordered is None or len(ordered) != len(images):
        raise SourceError(
            f"{file} has {len(ordered or ())} poses, {folder} has {len(images)} images whose names are no times",
            "Give one pose per image, or name the images by their time",
        )
    return list(ordered)


def _by_name(
    trajectory: Trajectory, file: Path, folder: Path, images: Sequence[Path], options: SourceOptions
) -> list[Pose | None]:
    named = trajectory.named or {}
    base_names = [Path(name).name for name in named]
    unique = {Path(name).name: pose for name, pose in named.items()} if len(set(base_names)) == len(named) else {}
    poses = [
        named.get(image.relative_to(folder).as_posix())
        or named.get((Path(folder.name) / image.relative_to(folder)).as_posix())
        or unique.get(image.name)
        for image in images
    ]
    if options.require_poses and not any(poses):
        raise SourceError(
            f"{file} names none of the images of {folder}; it names {next(iter(named), 'nothing')!r}, "
            f"the folder holds {images[0].name!r}",
            "Write the names as they are in the folder",
        )
    return poses
