# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Frames with poses from any source, as images by place or as a retrieval task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.frames import CameraMount, FrameRecord, FrameSource, ImageRgb
from vpr_ros.evaluation.positives_by_distance import PoseThreshold, positives_by_distance
from vpr_ros.training.image_sets import ImageList, PlaceImages, RetrievalSet
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.tuple_positions import Placement

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

_OPTICAL_AXIS = (0.0, 0.0, 1.0)
_BASE_FORWARD = (1.0, 0.0, 0.0)


class FrameImages:
    """The images of some records, decoded when asked for."""

    def __init__(self, records: Sequence[FrameRecord]) -> None:
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def load(self, index: int) -> ImageRgb:
        """Decode one image; see ``ImageList.load``."""
        return self.records[index].load_image()

    def name(self, index: int) -> str:
        """Return the record's name."""
        return self.records[index].name


@dataclass(frozen=True, eq=False)
class PosedImages:
    """Images with where each camera stood and looked.

    Attributes:
        images: N images.
        position_m: (N, 3) of the robot in the map frame.
        quat_xyzw: (N, 4) of the robot, a NaN row where unknown.
        heading_rad: (N,) of the viewing direction about the vertical, NaN where unknown.
        camera: (N,) all equal where viewing directions are known, else the number of the camera: without a mount
            nobody can say that two cameras of one robot look the same way.
        description: one line.
    """

    images: ImageList
    position_m: FloatArray
    quat_xyzw: FloatArray
    heading_rad: FloatArray
    camera: IndexArray
    description: str

    @property
    def placement(self) -> Placement:
        """Positions and headings."""
        return Placement(self.position_m, self.heading_rad)


def posed_images(sources: Sequence[FrameSource]) -> PosedImages:
    """Gather the frames with a pose of several recordings in one map frame.

    Raises:
        TrainingError: no frame with a pose, or recordings in different map frames.
    """
    frames = {source.map_frame_id for source in sources}
    if len(frames) > 1:
        raise TrainingError(
            f"the recordings have poses in different frames: {', '.join(sorted(frames))}",
            "Train on recordings of one map frame, or bring their poses into one",
        )
    records: list[FrameRecord] = []
    headings: list[float] = []
    for source in sources:
        kept = [record for record in source if record.T_map_base is not None]
        records += kept
        headings += [_heading_rad(record, source.cameras) for record in kept]
    if not records:
        raise TrainingError("no frame of the recordings has a pose", "Give a pose topic or a trajectory file")
    poses = [record.T_map_base for record in records if record.T_map_base is not None]
    cameras = _telling_apart(records, sources)
    return PosedImages(
        images=FrameImages(records),
        position_m=np.array([pose.position_m for pose in poses]),
        quat_xyzw=np.array([pose.quat_xyzw or (np.nan,) * 4 for pose in poses]),
        heading_rad=np.array(headings),
        camera=cameras,
        description="; ".join(source.description for source in sources),
    )


def label_places(posed: PosedImages, grid: PlaceGrid, min_images_per_place: int) -> PlaceImages:
    """Cut recordings into places by distance and heading, and drop places with too few images.

    Raises:
        TrainingError: nothing is left.
    """
    places, groups = grid.label(posed.placement, posed.camera)
    keep = np.flatnonzero(np.bincount(places)[places] >= min_images_per_place)
    if not len(keep):
        raise TrainingError(
            f"{posed.description}: {len(places)} images in {len(np.unique(places))} places, none has "
            f"{min_images_per_place} images",
            "Enlarge cell_m, record the place more than once, or lower min_images_per_place",
        )
    description = (
        f"{posed.description}: {len(np.unique(places[keep]))} places of {grid.cell_m:g} m and {grid.sector_deg:g} deg "
        f"in {len(np.unique(groups[keep]))} groups, {len(keep)} images"
    )
    return PlaceImages(description, _Subset(posed.images, keep), places[keep], groups[keep])


def retrieval_set(name: str, database: PosedImages, queries: PosedImages, threshold: PoseThreshold) -> RetrievalSet:
    """Make a retrieval task of two posed image sets.

    Raises:
        TrainingError: no query has an answer.
    """
    positives = positives_by_distance(
        database.position_m, queries.position_m, threshold, database.quat_xyzw, queries.quat_xyzw
    )
    protocol = (
        f"{name}: map {database.description} ({len(database.images)} images), queries {queries.description} "
        f"({len(queries.images)}), correct {threshold}, queries without positive are misses"
    )
    return RetrievalSet(name, protocol, database.images, queries.images, positives).checked()


def _telling_apart(records: Sequence[FrameRecord], sources: Sequence[FrameSource]) -> IndexArray:
    names = sorted({record.camera for record in records})
    mounts = [source.cameras.get(name) for source in sources for name in names if name in source.cameras]
    oriented = all(r.T_map_base is not None and r.T_map_base.has_orientation for r in records)
    if oriented and all(mount is not None and mount.T_base_camera is not None for mount in mounts):
        return np.zeros(len(records), dtype=np.int64)
    return np.array([names.index(record.camera) for record in records], dtype=np.int64)


class _Subset:
    def __init__(self, images: ImageList, keep: IndexArray) -> None:
        self._images = images
        self._keep = keep

    def __len__(self) -> int:
        return len(self._keep)

    def within(self, index: int) -> tuple[ImageList, int]:
        return self._images, int(self._keep[index])

    def load(self, index: int) -> ImageRgb:
        return self._images.load(int(self._keep[index]))

    def name(self, index: int) -> str:
        return self._images.name(int(self._keep[index]))


def _heading_rad(record: FrameRecord, cameras: Mapping[str, CameraMount]) -> float:
    """Where the camera looks, about the vertical; where its mount is unknown, where the robot points."""
    pose = record.T_map_base
    if pose is None or not pose.has_orientation:
        return float("nan")
    mount = cameras.get(record.camera)
    direction = _BASE_FORWARD
    if mount is not None and mount.T_base_camera is not None and mount.T_base_camera.has_orientation:
        x, y, z = mount.T_base_camera.rotation.apply(_OPTICAL_AXIS)
        direction = (float(x), float(y), float(z))
    x, y, _ = pose.rotation.apply(direction)
    return float(np.arctan2(y, x))
