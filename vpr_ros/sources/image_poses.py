# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A trajectory file beside the images of a folder: which pose belongs to which image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import ClockError, SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.core.printable import printable
from vpr_ros.sources.image_listing import ImageListing
from vpr_ros.sources.options import SourceOptions
from vpr_ros.sources.pose_track import pose_track, refuse_jumps, unusable
from vpr_ros.sources.trajectory import Trajectory


@dataclass(frozen=True)
class ImagePoses:
    """Poses in the order of the images.

    Attributes:
        poses: one per image, None where nobody knows.
        stamps_ns: the images' times as the trajectory records them, or None.
        skipped: poses of the trajectory that cannot be used, by reason.
        warnings: what a person should know, one sentence each.
        in_order: the n-th image has the n-th pose, nothing else says that they belong together.
    """

    poses: Sequence[Pose | None]
    stamps_ns: Sequence[int] | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    warnings: tuple[str, ...] = ()
    in_order: bool = False


def match_images(
    trajectory: Trajectory, file: Path, folder: Path, listing: ImageListing, options: SourceOptions
) -> ImagePoses:
    """Match by name where the trajectory has names, by time where both have times, else by order.

    Raises:
        SourceError: they do not belong together, or no pose is usable.
        ClockError: both have times that do not meet, and poses are required.
    """
    if trajectory.named is not None:
        return _by_name(trajectory, file, folder, listing, options)
    if trajectory.timed is not None and listing.stamps_ns is not None:
        return _by_time(trajectory, file, listing.stamps_ns, options)
    if (numbered := _by_number(trajectory, file, listing)) is not None:
        return numbered
    ordered = trajectory.ordered if trajectory.timed is None else [pose for _, pose in trajectory.timed]
    images = listing.images
    if ordered is None or len(ordered) != len(images):
        raise SourceError(
            f"{file} has {len(ordered or ())} poses, {folder} has {len(images)} images whose names are no times",
            "Give one pose per image, or name the images by their time",
        )
    stamps_ns = None
    if trajectory.timed is not None:
        stamps_ns = [stamp_ns for stamp_ns, _ in trajectory.timed]
        refuse_jumps(str(file), np.array(stamps_ns, dtype=np.int64))
    usable, skipped = usable_poses(ordered)
    return ImagePoses(usable, stamps_ns, skipped, trajectory.warnings, in_order=True)


def name_in(folder: Path, image: Path) -> str:
    """Name of an image for people and tables: its way from the folder, see ``printable``."""
    return printable(Path(os.path.relpath(image, folder)).as_posix())


def _by_number(trajectory: Trajectory, file: Path, listing: ImageListing) -> ImagePoses | None:
    """RTAB-Map's images are named by the numbers that stand behind the poses; None where these are other ones."""
    timed = trajectory.timed or ()
    poses = {number.lstrip("0"): at for number, at in zip(trajectory.ids, timed, strict=False)}
    numbers = [image.stem.lstrip("0") for image in listing.images]
    if len(poses) != len(timed) or not set(numbers) <= poses.keys():
        return None
    stamps_ns = [poses[number][0] for number in numbers]
    refuse_jumps(str(file), np.array(stamps_ns, dtype=np.int64))
    usable, skipped = usable_poses([poses[number][1] for number in numbers])
    return ImagePoses(usable, stamps_ns, skipped, trajectory.warnings)


def _by_time(trajectory: Trajectory, file: Path, stamps_ns: Sequence[int], options: SourceOptions) -> ImagePoses:
    try:
        track = pose_track(str(file), trajectory.timed or ())
        samples = track.at(np.array(stamps_ns, dtype=np.int64), options.max_gap_ns, options.require_poses)
    except ClockError as error:
        if options.require_poses:
            raise
        return ImagePoses([None] * len(stamps_ns), warnings=(f"poses of {file.name} are not used: {error.problem}",))
    return ImagePoses(samples.poses(), None, track.skipped, trajectory.warnings)


def _by_name(
    trajectory: Trajectory, file: Path, folder: Path, listing: ImageListing, options: SourceOptions
) -> ImagePoses:
    named = trajectory.named or {}
    keys = _keys(named, file, folder, listing)
    if options.require_poses and not any(keys):
        raise SourceError(
            f"{file} names none of the images of {folder}; it names {next(iter(named), 'nothing')[:80]!r}, "
            f"the folder holds {name_in(folder, listing.images[0])!r}",
            "Write the names as they are in the folder",
        )
    stamps = [None if name is None else trajectory.stamps_ns.get(name) for name in keys]
    stamps_ns = [stamp for stamp in stamps if stamp is not None]
    usable, skipped = usable_poses([None if name is None else named[name] for name in keys])
    return ImagePoses(usable, stamps_ns if len(stamps_ns) == len(keys) else None, skipped, trajectory.warnings)


def _keys(named: Mapping[str, Pose], file: Path, folder: Path, listing: ImageListing) -> list[str | None]:
    """Under which name the file knows each image: its way from the folder, or its last part where that is unique.

    Raises:
        SourceError: a last part that two images share.
    """

    def exact(image: Path) -> str | None:
        inside = name_in(folder, image)
        return next((name for name in (inside, (Path(folder.name) / inside).as_posix()) if name in named), None)

    keys = [exact(image) for image in listing.images]
    base_names = Counter(Path(name).name for name in named)
    free = {Path(name).name: name for name in named.keys() - set(keys) if base_names[Path(name).name] == 1}
    meant: dict[str, Path] = {}
    for number, image in enumerate(listing.images):
        name = free.get(image.name)
        if keys[number] is not None or name is None:
            continue
        if meant.setdefault(name, image) != image:
            both = " and ".join(name_in(folder, one) for one in (meant[name], image))
            raise SourceError(
                f"{file} names {name[:80]!r}, which may be {both}", "Write the names with their subfolders"
            )
        keys[number] = name
    return keys


def usable_poses(poses: Sequence[Pose | None]) -> tuple[list[Pose | None], Counter[str]]:
    """The poses that can be used, None in the place of others, and how many these are by reason."""
    reasons = [None if pose is None else unusable(pose) for pose in poses]
    kept = [pose if reason is None else None for pose, reason in zip(poses, reasons, strict=True)]
    return kept, Counter(reason for reason in reasons if reason is not None)
