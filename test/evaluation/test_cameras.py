# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Queries of two cameras: counted apart, and together as the robot would have answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from vpr_ros.core.frames import CameraMount, FrameRecord, FrameSource, GeoDatum
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.evaluation.summary import summary_notes, summary_tables
from vpr_ros.localization import Localizer
from vpr_ros.localization.rig import RigConfig
from vpr_ros.maps import PlaceMap

LEFT, RIGHT = Pose((0.0, 0.1, 1.0)), Pose((0.0, -0.1, 1.0))
LATE_NS = 20_000_000
COUNTS = ("answers", "right", "accepted", "accepted_wrong", "accepted_geometric")


@dataclass(frozen=True)
class TwoCameras:
    """Every image of a drive once from the left camera and, 20 ms later, once from the right one."""

    drive: FrameSource
    right: Pose | None = RIGHT
    map_frame_id: str = "map"
    datum: GeoDatum | None = None
    is_drive: bool = True
    description: str = "two cameras"

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        return {"left": CameraMount("left", "", LEFT), "right": CameraMount("right", "", self.right)}

    def __len__(self) -> int:
        return 2 * len(self.drive)

    def __iter__(self) -> Iterator[FrameRecord]:
        for number, record in enumerate(self.drive):
            for camera, late_ns in (("left", 0), ("right", LATE_NS)):
                stamp_ns = number * 10**9 + late_ns
                yield replace(record, camera=camera, name=f"{camera}/{record.name}", stamp_ns=stamp_ns)


@pytest.fixture(scope="module")
def mounted_map(street_map: PlaceMap) -> PlaceMap:
    """The street's map, by a camera of which is known where it sat."""
    cameras = tuple(replace(camera, T_base_camera=LEFT) for camera in street_map.manifest.cameras)
    manifest = replace(street_map.manifest, cameras=cameras)
    return PlaceMap(street_map.path, manifest, street_map.frames, street_map.descriptors, None)


def evaluated(extractor: Extractor, place_map: PlaceMap, queries: FrameSource, limit_ms: float = 50.0) -> Evaluation:
    options = EvaluationOptions(GroundTruthRule(PoseThreshold(2.0)), RigConfig(limit_ms))
    return evaluate(Localizer(extractor, place_map), place_map, queries, options)


def test_each_camera_is_counted_and_both_together(
    mounted_map: PlaceMap, extractor: Extractor, second_drive: FrameSource
) -> None:
    result = evaluated(extractor, mounted_map, TwoCameras(second_drive))
    cameras = result.metrics["cameras"]
    left, right, rig = cameras["rows"]["left"], cameras["rows"]["right"], cameras["rig"]
    assert [left[key] for key in COUNTS] == [right[key] for key in COUNTS], "they see the same"
    assert left["answers"] == rig["answers"] == 40, "one answer for the two images of a time"
    assert rig["right"] == left["right"] == 30
    assert rig["accepted"] >= left["accepted"]
    assert rig["within_ms"] == 50.0
    table = next(table for table in summary_tables(result.metrics) if table.title.startswith("Cameras"))
    assert [row[0] for row in table.rows] == ["left", "right", "rig, all together"]
    assert table.rows[2][1:3] == ("40", "30")


def test_images_farther_apart_than_the_tolerance_are_answers_of_their_own(
    mounted_map: PlaceMap, extractor: Extractor, own_drive: FrameSource
) -> None:
    cameras = evaluated(extractor, mounted_map, TwoCameras(own_drive), limit_ms=19.0).metrics["cameras"]
    assert cameras["rig"]["answers"] == cameras["rows"]["left"]["answers"] + cameras["rows"]["right"]["answers"]


def test_without_a_mount_or_a_tolerance_there_is_no_rig_and_with_one_camera_no_table(
    mounted_map: PlaceMap, street_map: PlaceMap, extractor: Extractor, own_drive: FrameSource
) -> None:
    for place_map, queries, limit_ms in (
        (mounted_map, TwoCameras(own_drive, right=None), 50.0),
        (street_map, TwoCameras(own_drive), 50.0),
        (mounted_map, TwoCameras(own_drive), 0.0),
    ):
        metrics = evaluated(extractor, place_map, queries, limit_ms).metrics
        assert metrics["cameras"]["rig"] is None
        assert any(note.startswith("The cameras are not counted together: ") for note in summary_notes(metrics))
    assert evaluated(extractor, street_map, own_drive).metrics["cameras"] is None
