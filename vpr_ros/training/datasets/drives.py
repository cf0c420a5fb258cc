# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A robot team's own recordings as training and evaluation data: anything ``build_map`` reads, with poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpr_ros.core.frames import FrameSource
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.training.image_sets import EvaluationData, PlaceData, PlaceImages, RetrievalSet, TupleData, TupleImages
from vpr_ros.training.labels.labelled_drive import LabelledDrive, labels_beside
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.posed_images import label_places, posed_images, retrieval_set


@dataclass(frozen=True)
class Drive:
    """One recording, in the words of ``build_map``.

    Attributes:
        path: bag, image folder or anything ``build_map`` reads.
        poses: trajectory file, where poses are not in the recording.
        image_topics, pose_topic, map_frame, camera_frame: which topics and frames of a bag.
        labels: folder with a label PNG for each image, for training that wants labels; None takes what
            ``simulate --labels`` wrote beside the images.
    """

    path: Path
    poses: Path | None = None
    image_topics: tuple[str, ...] = ()
    pose_topic: str | None = None
    map_frame: str | None = None
    camera_frame: str | None = None
    labels: Path | None = None

    def open(self) -> FrameSource:
        """Open the recording.

        Raises:
            SourceError: it cannot be read.
        """
        options = SourceOptions(
            poses=None if self.poses is None else Path(self.poses),
            image_topics=tuple(self.image_topics),
            pose_topic=self.pose_topic,
            map_frame=self.map_frame,
            camera_frame=self.camera_frame,
        )
        source = open_source(Path(self.path), options)
        labels = labels_beside(Path(self.path)) if self.labels is None else Path(self.labels)
        return source if labels is None else LabelledDrive(source, labels)


class DrivePlaces(PlaceData):
    """Recordings cut into places by distance and heading, for metric learning.

    Args:
        drives: recordings in one map frame; the more traverses of a place, the better.
        grid: how they are cut into places.
        min_images_per_place: places with fewer images are left out.
    """

    def __init__(self, drives: Sequence[Drive], grid: PlaceGrid | None = None, min_images_per_place: int = 4) -> None:
        self.drives = tuple(drives)
        self.grid = grid or PlaceGrid()
        self.min_images_per_place = min_images_per_place

    def open(self) -> PlaceImages:
        """Read the poses of all recordings and label them."""
        return label_places(posed_images([d.open() for d in self.drives]), self.grid, self.min_images_per_place)


class DriveTuples(TupleData):
    """One recording as queries, others as database, for the triplet ranking loss."""

    def __init__(self, queries: Drive, database: Sequence[Drive]) -> None:
        self.queries = queries
        self.database = tuple(database)

    def open(self) -> TupleImages:
        """Read the poses of all recordings."""
        queries, database = posed_images([self.queries.open()]), posed_images([d.open() for d in self.database])
        description = f"queries {queries.description}; database {database.description}"
        return TupleImages(description, queries.images, database.images, queries.placement, database.placement)


class DriveRetrieval(EvaluationData):
    """One recording as map, another as queries.

    Args:
        database: the mapping drive.
        queries: a later drive in the same map frame.
        name: for tables.
        radius_m: a map frame within this distance is correct,
        angle_deg: and within this angle of the robot's orientation, where given.
    """

    def __init__(
        self,
        database: Drive,
        queries: Drive,
        name: str = "own-drives",
        radius_m: float = 25.0,
        angle_deg: float | None = None,
    ) -> None:
        self.database = database
        self.queries = queries
        self.name = name
        angle_rad = None if angle_deg is None else float(np.deg2rad(angle_deg))
        self.threshold = PoseThreshold(radius_m, angle_rad)

    def open(self) -> RetrievalSet:
        """Read the poses of both recordings and find the positives."""
        sides = posed_images([self.database.open()]), posed_images([self.queries.open()])
        return retrieval_set(self.name, *sides, self.threshold)
