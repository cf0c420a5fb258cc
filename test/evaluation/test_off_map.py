# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images of other places: how many are believed, and how far right answers can be told from them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from painted_wall import PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.off_map import auroc
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.evaluation.report import write_report
from vpr_ros.evaluation.summary import summary_notes, summary_tables
from vpr_ros.localization import Localizer
from vpr_ros.maps import PlaceMap


def test_the_area_under_the_curve_counts_pairs() -> None:
    assert auroc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1.0
    assert auroc(np.array([1.0, 3.0]), np.array([2.0])) == 0.5
    assert auroc(np.array([2.0, 2.0, np.nan]), np.array([2.0, 1.0])) == 0.75  # ties count half
    assert auroc(np.array([]), np.array([1.0])) is None and auroc(np.array([1.0]), np.array([np.nan])) is None


@pytest.fixture(scope="module")
def place_map(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    return build_wall_map(tmp_path_factory.mktemp("wall") / "map")


class Asked(PixelExtractor):
    """Counts the images it is asked about."""

    images = 0

    def prepare(self, images_rgb: Sequence[ImageRgb]) -> npt.NDArray[np.float32]:
        self.images += len(images_rgb)
        return super().prepare(images_rgb)


def evaluated(place_map: PlaceMap, *elsewhere: WallSource, limit: int | None = None) -> Evaluation:
    options = EvaluationOptions(GroundTruthRule(PoseThreshold(1.0)), limit=limit)
    queries = WallSource([1.1 + 2.0 * step for step in range(12)])
    return evaluate(Localizer(PixelExtractor(), place_map), place_map, queries, options, None, elsewhere)


def test_other_walls_are_counted_apart(place_map: PlaceMap, tmp_path: Path) -> None:
    result = evaluated(place_map, *(WallSource([3.0 * step for step in range(5)], seed=seed) for seed in (7, 8)))
    figures = result.metrics["off_map"]
    assert figures["queries"] == 10 and figures["accepted"] == 0 and figures["accepted_share"] == 0.0
    low, high = figures["accepted_share_interval"]
    assert low == 0.0 and 25.0 < high < 35.0
    assert figures["auroc"]["probability"] > 0.95 and set(figures["auroc"]) == {"probability", "similarity"}
    assert figures["inliers"] is None  # nobody compared keypoints
    assert result.metrics["queries"] == 12 and result.metrics["recall_at"]["1"] == 100.0  # these are not among them
    assert figures["like_their_match"] == 0
    titles = {table.title for table in summary_tables(result.metrics)}
    assert any(title.startswith("Queries from elsewhere") for title in titles)
    write_report(result, tmp_path / "results", {})
    with (tmp_path / "results" / "off_map.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["right"], row["accepted"], row["answerable"]) for row in rows] == [("0", "0", "0")] * 10
    assert json.loads((tmp_path / "results" / "metrics.json").read_text())["off_map"] == figures


def test_images_of_the_map_itself_are_believed(place_map: PlaceMap) -> None:
    figures = evaluated(place_map, WallSource([3.0 * step for step in range(5)]), limit=4).metrics["off_map"]
    assert (figures["queries"], figures["accepted"]) == (4, 4) and figures["auroc"]["probability"] < 0.9


def test_without_any_nothing_is_said(place_map: PlaceMap, tmp_path: Path) -> None:
    result = evaluated(place_map)
    assert result.metrics["off_map"] is None and result.off_map is None
    write_report(result, tmp_path / "results", {})
    assert not (tmp_path / "results" / "off_map.csv").exists()


def test_the_map_itself_is_no_other_place(place_map: PlaceMap) -> None:
    metrics = evaluated(place_map, WallSource([0.0, 1.0, 1.1])).metrics
    assert metrics["off_map"]["like_their_match"] == 2
    assert any(
        note.startswith("2 images from elsewhere are the very images of the map") for note in summary_notes(metrics)
    )


def test_images_from_elsewhere_that_cannot_be_read_cost_no_answer(place_map: PlaceMap) -> None:
    asked = Asked()
    torn = WallSource([0.0], fails_at=0)
    options = EvaluationOptions(GroundTruthRule(PoseThreshold(1.0)))
    with pytest.raises(SourceError, match="0 of 1 queries could be read"):
        evaluate(Localizer(asked, place_map), place_map, WallSource([1.1, 3.1]), options, None, [torn])
    assert asked.images == 0
