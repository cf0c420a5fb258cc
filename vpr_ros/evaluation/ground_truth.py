# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From what the user asked for to the correct map frames of every query, before the first image is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.options import check_options, option
from vpr_ros.core.pose import FloatArray, Pose
from vpr_ros.evaluation.positives import BoolArray, IntArray, Positives
from vpr_ros.evaluation.positives_by_distance import PoseThreshold, positives_by_distance
from vpr_ros.evaluation.positives_by_index import positives_by_index
from vpr_ros.evaluation.positives_csv import read_positives
from vpr_ros.evaluation.query_list import QueryList
from vpr_ros.maps import PlaceMap


@dataclass(frozen=True)
class GroundTruthRule:
    """Which map frames count as correct. At most one of the first three is given; none means 25 m.

    Attributes:
        threshold: by distance (and angle) between the true poses.
    """

    threshold: PoseThreshold | None = None
    frame_window: int | None = option(None, "frame numbers at most so many apart, for drives in step", minimum=0)
    positives_csv: Path | None = option(None, "listed in a file with columns query,positives")
    ignore_uninformative: bool = option(False, "leave out queries that the file marks informative=0")

    def __post_init__(self) -> None:
        """Refuse two rules at once.

        Raises:
            ConfigError: see ``Option.checked``; more than one rule, or ``ignore_uninformative`` without a file.
        """
        check_options(self)
        given = [self.threshold is not None, self.frame_window is not None, self.positives_csv is not None]
        if sum(given) > 1:
            raise ConfigError(
                "more than one rule says what a correct match is",
                "Give one of --threshold, --frame-window and --positives",
            )
        if self.ignore_uninformative and self.positives_csv is None:
            raise ConfigError(
                "--ignore-uninformative needs a positives file with a column 'informative'", "Give --positives CSV"
            )

    @property
    def needs_query_poses(self) -> bool:
        """Whether queries must have a pose."""
        return self.frame_window is None and self.positives_csv is None


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The correct map frames, and what a reader of the figures must know about them.

    Attributes:
        queries: the list.
        positives: one entry per query of the list.
        counted: (Q,) bool, False for queries left out on request.
        unlisted_queries: queries a positives file does not name (they count as having no answer).
        missing_map_frames: entries of a positives file that the map does not hold.
    """

    queries: QueryList
    positives: Positives
    counted: BoolArray
    unlisted_queries: int = 0
    missing_map_frames: int = 0


def find_ground_truth(rule: GroundTruthRule, place_map: PlaceMap, queries: QueryList) -> GroundTruth:
    """Apply *rule*.

    Raises:
        ConfigError: the rule asks for degrees, but nobody knows an orientation.
        SourceError: the positives file cannot be used.
    """
    everybody = np.ones(len(queries), dtype=np.bool_)
    frames = place_map.frames
    if rule.positives_csv is not None:
        given = read_positives(rule.positives_csv, frames.names, queries.names)
        counted = given.informative if rule.ignore_uninformative else everybody
        positives = _with_scenes(given.positives, place_map, queries)
        return GroundTruth(queries, positives, counted, given.unlisted_queries, given.missing_map_frames)
    if rule.frame_window is not None:
        return GroundTruth(queries, positives_by_index(len(frames), len(queries), rule.frame_window), everybody)
    position_m, quat_xyzw = pose_arrays(queries.poses)
    threshold = rule.threshold or PoseThreshold()
    positives = positives_by_distance(frames.position_m, position_m, threshold, frames.quat_xyzw, quat_xyzw)
    return GroundTruth(queries, positives, everybody)


def _with_scenes(listed: Positives, place_map: PlaceMap, queries: QueryList) -> Positives:
    """A list says nothing of distances: the scene of a query reaches to twice the map's radius from its pose.

    Without a pose it reaches to that radius from the frames that are listed; without those nobody knows.
    """
    threshold = PoseThreshold(place_map.manifest.calibration.radius_m)
    frames_m, (position_m, _) = place_map.frames.position_m, pose_arrays(queries.poses)
    by_pose = positives_by_distance(frames_m, position_m, threshold).same_scene or ()
    near: list[IntArray | None] = []
    for rows, correct in zip(by_pose, listed.indices, strict=True):
        around = positives_by_distance(frames_m, frames_m[correct], threshold).indices if rows is None else ()
        near.append(np.unique(np.concatenate(around)) if around else rows)
    return (
        listed
        if all(rows is None for rows in near)
        else replace(listed, same_scene=tuple(near), scene_radius_m=threshold.twice.radius_m)
    )


def pose_arrays(poses: Sequence[Pose | None]) -> tuple[FloatArray, FloatArray]:
    """Stack Q poses: (Q, 3) positions and (Q, 4) quaternions xyzw, rows of NaN where unknown."""
    unknown = (np.nan,) * 4
    position_m = [unknown[:3] if pose is None else pose.position_m for pose in poses]
    quat_xyzw = [unknown if pose is None or pose.quat_xyzw is None else pose.quat_xyzw for pose in poses]
    return np.array(position_m).reshape(-1, 3), np.array(quat_xyzw).reshape(-1, 4)
