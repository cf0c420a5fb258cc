# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A drive evaluated as one: odometry of the recording, a kidnapping, and the filter's figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import FrameRecord, FrameSource
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.evaluation.evaluate import EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.evaluation.sequence.drive import Drive
from vpr_ros.evaluation.sequence.recorded_odometry import odometry_file, recorded_odometry
from vpr_ros.evaluation.summary import summary_tables
from vpr_ros.localization import Localizer
from vpr_ros.localization.place_filter import FilterConfig, PlaceFilter
from vpr_ros.maps import PlaceMap
from vpr_ros.sources import SourceOptions

T0_S = 1_700_000_000


class OncePerSecond:
    """The queries of another source, taken one a second."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[FrameRecord]:
        for number, record in enumerate(self._source):
            yield replace(record, stamp_ns=number * NS_PER_S)


def test_filter_and_single_image_stand_side_by_side(
    extractor: Extractor, street_map: PlaceMap, second_drive: FrameSource
) -> None:
    queries: FrameSource = OncePerSecond(second_drive)  # type: ignore[assignment]
    records = list(queries)
    steps_m = [0.0]
    for before, now in pairwise(records):
        assert before.T_map_base is not None and now.T_map_base is not None
        steps_m.append(before.T_map_base.distance_m(now.T_map_base))
    steps_m[15] = 0.0  # what lies between two images here is not driven: the robot was carried
    travelled_m = np.cumsum(np.minimum(steps_m, 5.0))
    odometry = {
        (record.stamp_ns, record.camera): Pose((float(x_m), 0.0, 0.0))
        for record, x_m in zip(records, travelled_m, strict=True)
    }
    localizer = Localizer(
        extractor, street_map, place_filter=PlaceFilter.of_map(street_map, FilterConfig(top_speed_mps=100.0))
    )
    drive = Drive(localizer, odometry)
    rule = GroundTruthRule(PoseThreshold(2.0))
    metrics = evaluate(localizer, street_map, queries, EvaluationOptions(rule), drive=drive).metrics
    found = metrics["sequence"]
    assert (found["images"], found["on_map"], found["odometry"]) == (40, 30, True)
    assert list(found["methods"]) == ["image_alone", "filter", "averaging", "seqslam"]
    plain = evaluate(Localizer(extractor, street_map), street_map, queries, EvaluationOptions(rule)).metrics
    assert found["methods"]["image_alone"]["accepted"] == plain["accepted"]["count"]
    assert found["methods"]["image_alone"]["recall_at_100_precision"] == plain["recall_at_100_precision"]
    assert found["methods"]["filter"]["accepted"] == metrics["accepted"]["count"]
    assert all(0.0 <= one["recall_at_100_precision"] <= 100.0 for one in found["methods"].values())
    table = next(table for table in summary_tables(metrics) if table.title.startswith("As one drive with odometry"))
    assert [row[0] for row in table.rows] == ["image alone", "filter", "averaging", "seqslam"]
    assert plain["sequence"] is None


def test_who_was_carried_is_found_where_truth_and_odometry_differ(extractor: Extractor, street_map: PlaceMap) -> None:
    drive = Drive(Localizer(extractor, street_map), {})
    drive.odometry = [Pose((float(x_m), 0.0, 0.0)) for x_m in (0, 1, 1, 2)] + [None]
    truths: list[Pose | None] = [Pose((float(x_m), 0.0, 0.0)) for x_m in (0, 1, 40, 41, 80)]
    assert drive.carried(truths, tolerance_m=4.0) == [2]
    assert drive.travelled_m is not None and drive.travelled_m.tolist() == [0.0, 1.0, 1.0, 2.0, 2.0]


def test_odometry_beside_the_images_is_found_and_named_odometry_must_fit(tmp_path: Path) -> None:
    images = tmp_path / "drive" / "images"
    images.mkdir(parents=True)
    for second in (1, 2, 3):
        cv2.imwrite(str(images / f"{(T0_S + second) * NS_PER_S}.png"), np.zeros((8, 8, 3), np.uint8))
    assert odometry_file(images, None) is None
    file = tmp_path / "drive" / "odometry.txt"
    file.write_text("".join(f"{T0_S + second} {second} 0 0 0 0 0 1\n" for second in (1, 2, 3)))
    assert odometry_file(images, None) == str(file) and odometry_file(images, "none") is None
    found = recorded_odometry(images, SourceOptions(), str(file))
    assert [pose.position_m[0] for pose in found.values()] == [1.0, 2.0, 3.0]
    file.write_text("".join(f"{T0_S + second} {second} 0 0 0 0 0 1\n" for second in (901, 902)))
    with pytest.raises(SourceError, match="has odometry for none of the images"):
        recorded_odometry(images, SourceOptions(), str(file))
