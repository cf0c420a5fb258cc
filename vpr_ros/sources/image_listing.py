# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which images a folder holds and when they were taken, for the layouts of TUM RGB-D, EuRoC and KITTI too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import SizePx
from vpr_ros.sources.depth_files import TUM_PER_M, DepthFiles
from vpr_ros.sources.euroc_sensor import euroc_intrinsics
from vpr_ros.sources.image_file import list_images
from vpr_ros.sources.kitti_calibration import kitti_odometry_intrinsics, kitti_raw_intrinsics
from vpr_ros.sources.kitti_raw import find_camera, frame_stamps_ns
from vpr_ros.sources.stamped_images import StampedPaths, read_data_csv, read_rgb_txt, read_times_txt
from vpr_ros.sources.stamps import stamps_in_names
from vpr_ros.sources.text_lines import is_file, is_folder
from vpr_ros.sources.trajectory_file import find_trajectory


@dataclass(frozen=True)
class IntrinsicsFile:
    """A file that gives intrinsics.

    Attributes:
        path: the file.
        read: takes the size of the images, where it is known, and gives the intrinsics, None where it has none; raises
            SourceError or ConfigError where they cannot be used.
    """

    path: Path
    read: Callable[[SizePx | None], CameraIntrinsics | None]


KITTI_CAMERAS = ("image_2", "image_0", "image_3", "image_1")
"""Left colour first, then left grey: whichever a sequence folder holds."""


@dataclass(frozen=True)
class ImageListing:
    """The images of one camera.

    Attributes:
        images: in the order they are numbered in.
        stamps_ns: when each was taken, or None where nobody wrote it down.
        trajectory: the poses that lie beside them, if some do: a file, or the ``oxts`` folder of KITTI raw.
        layout: what was recognised and which part of it is read, "" for a plain folder.
        absent: how many images a list names that are not there.
        calibration: EuRoC ``sensor.yaml`` of the camera, if there is one.
        intrinsics: the file with the camera's, if there is one.
        note: in which unit the times were read, where that is not the usual one.
        depth: the depth images that are registered to them, if there are some.
    """

    images: Sequence[Path]
    stamps_ns: Sequence[int] | None
    trajectory: Path | None
    layout: str = ""
    absent: int = 0
    calibration: Path | None = None
    note: str = ""
    intrinsics: IntrinsicsFile | None = None
    depth: DepthFiles | None = None


def list_folder(folder: Path) -> ImageListing:
    """Find the images of *folder*: a plain one, or one of a known data set.

    Raises:
        SourceError: there is no image, or a list of times does not belong to the images.
        ClockError: a list of times jumps backwards.
    """
    return _tum(folder) or _euroc(folder) or _kitti(folder) or _kitti_raw(folder) or _plain(folder)


def _tum(folder: Path) -> ImageListing | None:
    """``rgb.txt`` and ``rgb/``, beside ``groundtruth.txt`` and perhaps ``depth.txt``; or the ``rgb/`` of it."""
    base = folder.parent if folder.name == "rgb" else folder
    if not is_file(base / "rgb.txt"):
        return None
    listing = _listed(read_rgb_txt(base / "rgb.txt"), base / "rgb.txt", find_trajectory(base), "TUM RGB-D rgb/")
    depth = base / "depth.txt"
    return replace(listing, depth=DepthFiles(depth, TUM_PER_M)) if is_file(depth) else listing


def _euroc(folder: Path) -> ImageListing | None:
    """``mav0/cam0/data.csv`` and ``mav0/state_groundtruth_estimate0/data.csv``, from any folder of that branch."""
    candidates = [folder / "mav0" / "cam0", folder / "cam0", folder.parent if folder.name == "data" else folder]
    camera = next((c for c in candidates if is_file(c / "data.csv") and is_folder(c / "data")), None)
    if camera is None:
        return None
    truths = sorted(camera.parent.glob("state_groundtruth_estimate*/data.csv"))
    calibration = camera / "sensor.yaml"
    return _listed(
        read_data_csv(camera / "data.csv"),
        camera / "data.csv",
        truths[0] if truths else find_trajectory(folder),
        f"EuRoC {camera.name}",
        calibration if is_file(calibration) else None,
    )


def _kitti(folder: Path) -> ImageListing | None:
    """``sequences/00/{times.txt,image_2/}`` and ``poses/00.txt``, from the sequence folder or one of its cameras."""
    sequence = folder.parent if folder.name in KITTI_CAMERAS else folder
    cameras = [folder] if sequence != folder else [sequence / name for name in KITTI_CAMERAS]
    camera = next((c for c in cameras if is_folder(c)), None)
    if camera is None or not is_file(sequence / "times.txt"):
        return None
    images = list_images(camera)
    poses = next((p for p in _kitti_poses(sequence) if is_file(p)), find_trajectory(sequence))
    times = read_times_txt(sequence / "times.txt", len(images))
    file = sequence / "calib.txt"
    intrinsics = IntrinsicsFile(file, partial(kitti_odometry_intrinsics, file, camera.name)) if is_file(file) else None
    layout = f"KITTI odometry {camera.name}"
    return ImageListing(images, times.stamps_ns, poses, layout, note=times.note, intrinsics=intrinsics)


def _kitti_poses(sequence: Path) -> Iterator[Path]:
    name = f"{sequence.resolve().name}.txt"
    folders = (sequence.resolve().parent.parent, sequence.resolve().parent, sequence)
    return chain((folder / "poses" / name for folder in folders), [sequence / "poses.txt"])


def _kitti_raw(folder: Path) -> ImageListing | None:
    """``image_02/{timestamps.txt,data/}`` and ``oxts/``, from the drive, one of its cameras, or the ``data`` of one."""
    camera = find_camera(folder)
    if camera is None:
        return None
    images = list_images(camera / "data")
    stamps_ns = frame_stamps_ns(camera / "timestamps.txt", images)
    oxts = camera.parent / "oxts"
    poses = find_trajectory(folder) or find_trajectory(camera.parent) or (oxts if is_folder(oxts) else None)
    files = (folder / "calib_cam_to_cam.txt" for folder in (camera.parent, camera.resolve().parent.parent))
    file = next((f for f in files if is_file(f)), None)
    intrinsics = None if file is None else IntrinsicsFile(file, partial(kitti_raw_intrinsics, file, camera))
    return ImageListing(images, stamps_ns, poses, f"KITTI raw {camera.name}", intrinsics=intrinsics)


def _plain(folder: Path) -> ImageListing:
    # What `simulate --labels` writes beside its images are images of their own, of the same stamps.
    with_truth = is_file(folder / "camera.yaml") and any(is_folder(folder / name) for name in ("labels", "depth"))
    images = list_images(folder / "images" if with_truth and is_folder(folder / "images") else folder)
    file = folder / "times.txt"
    times = read_times_txt(file, len(images)) if is_file(file) else stamps_in_names([image.stem for image in images])
    if times is None:
        return ImageListing(images, None, find_trajectory(folder))
    return ImageListing(images, times.stamps_ns, find_trajectory(folder), note=times.note)


def _listed(
    listed: StampedPaths, file: Path, trajectory: Path | None, layout: str, calibration: Path | None = None
) -> ImageListing:
    there = [(stamp_ns, path) for stamp_ns, path in zip(listed.stamps_ns, listed.paths, strict=True) if is_file(path)]
    if not there:
        first = f", {str(listed.paths[0])[:200]} for one" if listed.paths else ""
        raise SourceError(
            f"none of the {len(listed.paths)} images that {file} names is there{first}",
            "Unpack the images beside it, or rename it if it says something else",
        )
    return ImageListing(
        [path for _, path in there],
        [stamp_ns for stamp_ns, _ in there],
        trajectory,
        layout,
        len(listed.paths) - len(there),
        calibration,
        listed.note,
        None if calibration is None else IntrinsicsFile(calibration, partial(euroc_intrinsics, calibration)),
    )
