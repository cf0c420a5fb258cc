# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What an evaluation says of a map with local features, and of one without."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor
from scipy.spatial.transform import Rotation
from some_scene import AHEAD, Scene, SceneCamera, SceneFeatureMap, SceneLocalFeatures, SceneSource, cloud

from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.evaluation.query_table import write_query_table
from vpr_ros.evaluation.summary import summary_tables
from vpr_ros.evaluation.verification import short_of_time
from vpr_ros.localization import Localizer, LocalizerConfig
from vpr_ros.mapping import build_map
from vpr_ros.maps import PlaceMap

PATIENT = LocalizerConfig(verify_time_ms=60_000.0)


def along(start_m: float, across_m: float, count: int) -> list[Pose]:
    turn = Rotation.from_euler("z", 0.05) * AHEAD
    return [Pose.from_rotation((across_m, start_m + 0.3 * step, 1.1), turn) for step in range(count)]


def evaluated(folder: Path, *, with_local: bool) -> Evaluation:
    camera = SceneCamera((Scene.of(cloud(400)),) * 2)
    mapped, queries = along(-1.0, 0.0, 8), along(-0.85, 0.3, 5)
    build_map(SceneSource(camera, mapped), PixelExtractor(), folder / "map", EVERY_FRAME)
    place_map = PlaceMap.open(folder / "map")
    local = (SceneLocalFeatures(camera), SceneFeatureMap(camera, mapped)) if with_local else (None, None)
    localizer = Localizer(PixelExtractor(), place_map, PATIENT, *local)
    rule = GroundTruthRule(threshold=PoseThreshold(0.5))
    return evaluate(localizer, place_map, SceneSource(camera, queries), EvaluationOptions(rule))


def test_recall_before_and_after_and_errors_by_the_way_the_pose_came(tmp_path: Path) -> None:
    result = evaluated(tmp_path, with_local=True)
    figures = result.metrics["verification"]
    assert figures["compared"] == 5 and figures["candidates_compared"] == 8.0
    assert set(figures["recall_at_before"]) == set(figures["recall_at_after"]) == {"1", "5", "10", "20"}
    assert short_of_time(figures, PATIENT, 8) is None
    assert "left 8.0 of 10 candidates" in str(short_of_time(figures, PATIENT, 100))
    geometric, retrieved = figures["pose_error"]["geometric"], figures["pose_error"]["retrieved"]
    assert geometric["count"] + retrieved["count"] == 5 and geometric["count"] >= 4
    assert geometric["translation_m"]["median"] < 0.03
    assert geometric["within_percent_of_all"]["0.25m_5deg"] == pytest.approx(20.0 * geometric["count"])
    assert {"local", "verify"} <= set(result.metrics["latency_ms"])
    titles = [table.title for table in summary_tables(result.metrics)]
    assert any("before and after verification" in title for title in titles)
    for table in summary_tables(result.metrics):
        assert all(len(row) == len(table.header) for row in table.rows)


def test_what_keypoints_say_stands_beside_each_query(tmp_path: Path) -> None:
    result = evaluated(tmp_path, with_local=True)
    write_query_table(tmp_path / "queries.csv", result.outcomes)
    with (tmp_path / "queries.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row, outcome in zip(rows, result.outcomes.rows, strict=True):
        assert row["pose_source"] == outcome.answer.pose_source and int(row["inliers"]) == outcome.answer.inliers
    assert any(float(row["coverage"]) > 0.5 and float(row["pose_deviation_m"]) < 0.05 for row in rows)


def test_a_map_without_local_features_has_none_of_it(tmp_path: Path) -> None:
    result = evaluated(tmp_path, with_local=False)
    assert result.metrics["verification"] is None
    assert (result.outcomes.retrieved == result.outcomes.predictions).all()
    assert not any("verification" in table.title for table in summary_tables(result.metrics))
    write_query_table(tmp_path / "queries.csv", result.outcomes)
    with (tmp_path / "queries.csv").open() as file:
        assert {row["pose_source"] + row["inliers"] for row in csv.DictReader(file)} == {""}


def test_the_order_by_similarity_comes_back(tmp_path: Path) -> None:
    outcomes = evaluated(tmp_path, with_local=True).outcomes
    for retrieved, row in zip(outcomes.retrieved, outcomes.rows, strict=True):
        by_similarity = sorted(row.answer.matches, key=lambda match: -match.similarity)
        assert np.array_equal(retrieved, [match.frame_index for match in by_similarity])
