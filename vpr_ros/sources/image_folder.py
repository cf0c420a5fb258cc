# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A folder of images with a trajectory, with poses in the file names, or with none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum
from vpr_ros.core.printable import printable
from vpr_ros.sources.depth_files import DepthLoader
from vpr_ros.sources.euroc_sensor import euroc_mount
from vpr_ros.sources.folder_intrinsics import folder_intrinsics
from vpr_ros.sources.image_file import read_image
from vpr_ros.sources.image_listing import ImageListing, list_folder
from vpr_ros.sources.image_poses import ImagePoses, match_images, name_in, usable_poses
from vpr_ros.sources.options import SourceOptions
from vpr_ros.sources.own_camera_file import own_mount
from vpr_ros.sources.pose_track import listed
from vpr_ros.sources.recorded_source import RecordedSource
from vpr_ros.sources.trajectory_file import read_trajectory
from vpr_ros.sources.vpr_names import has_vpr_names, poses_of_names

CAMERA = "camera"
FILE_NAMES = "file names"
FRAME_NS = 33_333_333
"""Between images whose times nobody wrote down: the order is what counts."""


def open_folder(folder: Path, options: SourceOptions) -> RecordedSource:
    """Open the images of *folder*, a plain one or one of a TUM RGB-D, EuRoC or KITTI data set.

    Times are those of the data set, of the file names or of the trajectory, whichever comes first; only where
    none of them has any they are made up from the order.

    Raises:
        SourceError: no image, no poses where they are required, or poses that do not belong to the images.
        ClockError: image and pose times do not meet, or times jump backwards.
    """
    if folder.name in {"", ".."}:
        folder = folder.resolve()
    listing = list_folder(folder)
    matched, origin, datum = _poses(folder, listing, options)
    stamps_ns = listing.stamps_ns or matched.stamps_ns
    images = listing.images
    times = [FRAME_NS * number for number in range(len(images))] if stamps_ns is None else stamps_ns
    names = _names(folder, images)
    depth, of_depth = _depth(listing, times, options)
    records = [
        FrameRecord(stamp, CAMERA, name, pose, partial(read_image, image, options.max_image_pixels), load_depth_m)
        for stamp, image, name, pose, load_depth_m in zip(times, images, names, matched.poses, depth, strict=True)
        if pose is not None or not options.require_poses
    ]
    if not records:
        unusable = listed(matched.skipped)
        raise SourceError(
            f"none of the {len(images)} images of {folder} has a usable pose in {origin}"
            + (f" ({unusable})" if unusable else ""),
            "Give poses with finite positions and orientations that are not zero, one at least of these images",
        )
    records.sort(key=lambda record: record.stamp_ns)
    posed = sum(pose is not None for pose in matched.poses)
    mount, of_mount = own_mount(folder) if listing.calibration is None else (euroc_mount(listing.calibration), [])
    intrinsics, remarks = folder_intrinsics(folder, listing, options.poses or listing.trajectory)
    return RecordedSource(
        options.map_frame or "map",
        {CAMERA: CameraMount(CAMERA, options.camera_frame or "", mount, intrinsics)},
        "; ".join([_description(folder, listing, matched, origin, len(records), posed), *matched.warnings]),
        tuple(records),
        datum,
        (*matched.warnings, *of_mount, *remarks, *of_depth),
        is_drive=origin != FILE_NAMES,
    )


def _depth(
    listing: ImageListing, times_ns: Sequence[int], options: SourceOptions
) -> tuple[Sequence[DepthLoader | None], list[str]]:
    """What loads the depth image of each image, and why there are none where there could be."""
    none = [None] * len(times_ns)
    if listing.depth is None or not options.depth_images:
        return none, []
    try:
        return listing.depth.loaders(times_ns, options.max_image_pixels), []
    except SourceError as error:
        return none, [f"depth images are not read: {error.problem}"]


def _poses(folder: Path, listing: ImageListing, options: SourceOptions) -> tuple[ImagePoses, str, GeoDatum | None]:
    """The poses of the images, where they come from, and the origin of their frame where it is known."""
    file = options.poses or listing.trajectory
    warnings: tuple[str, ...] = ()
    if file is not None:
        try:
            trajectory = read_trajectory(file)
            matched = match_images(trajectory, file, folder, listing, options)
            return matched, f"{trajectory.format} trajectory {file.name}", trajectory.datum
        except SourceError as error:
            if options.require_poses or options.poses is not None:
                raise
            warnings = (f"poses of {file.name} are not used: {error.problem}",)
    elif has_vpr_names(listing.images):
        usable, skipped = usable_poses(poses_of_names(listing.images))
        return ImagePoses(usable, skipped=skipped), FILE_NAMES, None
    elif options.require_poses:
        raise SourceError(
            f"{folder} has {len(listing.images)} images and no poses",
            "Give a trajectory with --poses FILE (TUM, KITTI, EuRoC, RTAB-Map, COLMAP text or CSV)",
        )
    return ImagePoses([None] * len(listing.images), warnings=warnings), "nothing", None


def _description(
    folder: Path, listing: ImageListing, matched: ImagePoses, origin: str, records: int, posed: int
) -> str:
    images = len(listing.images)
    layout = f" of {listing.layout}" if listing.layout else ""
    order = " in the order of the images" if matched.in_order else ""
    parts = [f"{printable(folder.name)}: {records} images{layout}, poses from {origin}{order}"]
    if images > records:
        parts.append(f"{images - records} images without a pose left out")
    elif 0 < posed < images:
        parts.append(f"{images - posed} images without a pose")
    if matched.skipped:
        parts.append(f"poses not usable: {listed(matched.skipped)}")
    if listing.absent:
        parts.append(f"{listing.absent} listed images are not there")
    if listing.stamps_ns is None and matched.stamps_ns is None:
        parts.append("times made up from the order (30 per second)")
    if listing.note:
        parts.append(listing.note)
    return ", ".join(parts)


def _names(folder: Path, images: Sequence[Path]) -> list[str]:
    """Names of the images, each its own: what no table takes stands in them as an escape.

    Raises:
        SourceError: two images have one name then.
    """
    names = [name_in(folder, image) for image in images]
    name, count = Counter(names).most_common(1)[0]
    if count > 1 and len(set(images)) == len(images):
        raise SourceError(
            f"{folder} holds {count} images whose names are all written {name!r}", "Rename all but one of them"
        )
    return names
