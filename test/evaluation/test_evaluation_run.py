# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The whole evaluation on a real map with the real localizer: figures, denominators, report."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.core.frames import FrameSource
from vpr_ros.core.model_info import Extractor
from vpr_ros.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.evaluation.report import write_report
from vpr_ros.evaluation.summary import summary_notes, summary_tables
from vpr_ros.localization import Localizer
from vpr_ros.maps import PlaceMap

TWO_METRES = GroundTruthRule(PoseThreshold(2.0))


def run(
    extractor: Extractor, place_map: PlaceMap, queries: FrameSource, rule: GroundTruthRule, **kw: Any
) -> Evaluation:
    return evaluate(Localizer(extractor, place_map), place_map, queries, EvaluationOptions(rule, **kw))


@pytest.fixture
def evaluation(extractor: Extractor, street_map: PlaceMap, second_drive: FrameSource) -> Evaluation:
    return run(extractor, street_map, second_drive, TWO_METRES, baselines=True)


def test_figures_of_a_drive_with_an_unknown_street(evaluation: Evaluation) -> None:
    metrics = evaluation.metrics
    assert (metrics["queries"], metrics["queries_without_answer"]) == (40, 10)
    assert metrics["recall_at"]["1"] == 75.0
    assert metrics["recall_at_answerable"] == {"1": 100.0, "5": 100.0, "10": 100.0, "20": 100.0}
    known = evaluation.outcomes.answer_errors.translation_m[:30]
    assert np.median(known) < 1.0
    assert metrics["translation_error_m"]["p90"] > 400.0  # the other street is answered somewhere in the map
    accepted = metrics["accepted"]
    assert accepted["count"] == int(evaluation.outcomes.accepted.sum())
    assert metrics["right_means"] == "the best match is correct: a map frame within 2 m"
    assert metrics["recall_at_interval"]["1"] == pytest.approx([58.80, 87.31], abs=0.005)  # 30 of 40
    assert metrics["recall_at_answerable_interval"]["1"] == pytest.approx([88.43, 100.0], abs=0.005)  # 30 of 30
    assert accepted["share"] == pytest.approx(100 * accepted["count"] / 40)
    assert accepted["wrong_share"] == pytest.approx(100 * accepted["wrong"] / 40)
    assert accepted["right"] + accepted["near_misses"] + accepted["wrong_places"] == accepted["count"]
    assert accepted["right_kept"] == pytest.approx(100 * accepted["right"] / 30)
    for share in ("share", "wrong_share", "precision", "recall", "wrong_place_rate", "near_miss_rate", "right_kept"):
        low, high = accepted[f"{share}_interval"]
        assert low <= accepted[share] <= high and high - low > 5.0
    assert metrics["rejected"] == {"improbable": 40 - accepted["count"]}
    assert sum(row["count"] for row in metrics["rejections"]) == 40 - accepted["count"] > 0
    assert set(metrics["latency_ms"]) == {"decode", "prepare", "infer", "search", "decide", "total"}
    outcomes = evaluation.outcomes
    surest_wrong = outcomes.probability[~outcomes.right].max()
    before_it = int((outcomes.right & (outcomes.probability > surest_wrong)).sum())
    assert before_it > 0
    assert metrics["recall_at_100_precision"] == pytest.approx(100 * before_it / 30)


def test_baselines_are_counted_on_the_same_queries(evaluation: Evaluation) -> None:
    baselines = evaluation.metrics["baselines"]
    assert baselines["pixels_32x32"]["queries"] == baselines["chance"]["queries"] == 40
    assert baselines["pixels_32x32"]["recall_at_answerable"]["1"] > 90.0
    assert 4.0 < baselines["chance"]["recall_at_answerable"]["1"] < 11.0


def test_localizer_is_not_told_the_pose(extractor: Extractor, street_map: PlaceMap, second_drive: FrameSource) -> None:
    told: list[bool] = []

    class Watching(Localizer):
        def localize(self, frame: Any, T_base_camera: Any = None, prior: Any = None, intrinsics: Any = None) -> Any:
            told.append(frame.T_map_base is not None or prior is not None)
            return super().localize(frame, T_base_camera, prior, intrinsics)

    evaluate(Watching(extractor, street_map), street_map, second_drive, EvaluationOptions(TWO_METRES, limit=3))
    assert told == [False] * 3


def test_progress_and_limit(extractor: Extractor, street_map: PlaceMap, second_drive: FrameSource) -> None:
    seen: list[tuple[int, int]] = []
    options = EvaluationOptions(TWO_METRES, limit=4)
    result = evaluate(Localizer(extractor, street_map), street_map, second_drive, options, lambda *x: seen.append(x))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert result.metrics["queries"] == 4


def test_without_poses_by_frame_number(extractor: Extractor, street_map: PlaceMap, poseless_drive: FrameSource) -> None:
    metrics = run(extractor, street_map, poseless_drive, GroundTruthRule(frame_window=1)).metrics
    assert metrics["recall_at"]["1"] == 100.0
    assert metrics["translation_error_m"] == {"median": None, "p90": None}
    assert set(metrics["nees"].values()) == {None}


def test_without_poses_nobody_knows_what_is_right(
    extractor: Extractor, street_map: PlaceMap, poseless_drive: FrameSource
) -> None:
    with pytest.raises(ConfigError, match="none of the 20 queries has a pose"):
        run(extractor, street_map, poseless_drive, GroundTruthRule())


def write_rows(path: Path, rows: Sequence[str]) -> Path:
    path.write_text("query,positives,informative\n" + "\n".join(rows) + "\n")
    return path


def test_given_positives_and_uninformative_queries(
    extractor: Extractor, street_map: PlaceMap, poseless_drive: FrameSource, tmp_path: Path
) -> None:
    rows = [f"{n},{n} {n + 1},{int(n > 0)}" for n in range(18)] + ["18,,1"]
    given = write_rows(tmp_path / "gt.csv", rows)
    everybody = run(extractor, street_map, poseless_drive, GroundTruthRule(positives_csv=given)).metrics
    assert (everybody["queries"], everybody["queries_without_answer"]) == (20, 2)
    assert everybody["left_out"]["queries_unlisted"] == 1
    rule = GroundTruthRule(positives_csv=given, ignore_uninformative=True)
    fewer = run(extractor, street_map, poseless_drive, rule).metrics
    assert (fewer["queries"], fewer["left_out"]["queries_uninformative"]) == (19, 1)
    assert fewer["accepted"]["wrong"] and fewer["accepted"]["near_misses"] is None  # nobody knows where they were taken


def test_listed_positives_of_queries_with_poses_know_near_misses(
    extractor: Extractor, street_map: PlaceMap, own_drive: FrameSource, tmp_path: Path
) -> None:
    """Each query finds its own frame; where the list names another, the poses say how wrong that is."""
    radius_m = street_map.manifest.calibration.radius_m
    given = write_rows(tmp_path / "gt.csv", [f"{n},{n if n < 10 else 40},1" for n in range(20)])
    result = run(extractor, street_map, own_drive, GroundTruthRule(positives_csv=given))
    assert radius_m < 20.0
    assert [kind.value for kind in result.outcomes.kinds] == ["right"] * 10 + ["near_miss"] * 10


def test_mirrored_queries_are_another_place(extractor: Extractor, street_map: PlaceMap, own_drive: FrameSource) -> None:
    result = run(extractor, street_map, own_drive, TWO_METRES, mirrored=True, limit=12)
    figures, mirrored = result.metrics["mirrored"], result.mirrored
    assert mirrored is not None and (figures["queries"], figures["verified"]) == (12, 0)
    assert figures["accepted"] == int(mirrored.accepted.sum())
    assert {kind.value for kind in mirrored.kinds} == {"wrong_place"}
    assert not any(mirrored.similarity > 0.9) and all(result.outcomes.similarity > 0.9)
    assert any(table.title.startswith("The queries flipped") for table in summary_tables(result.metrics))


def test_poses_in_another_frame_are_not_compared(
    extractor: Extractor, street_map: PlaceMap, second_drive: FrameSource
) -> None:
    other = replace(second_drive, map_frame_id="odom")  # type: ignore[type-var]
    with pytest.raises(ConfigError, match=r"'odom'.*'map'"):
        run(extractor, street_map, other, TWO_METRES)
    metrics = run(extractor, street_map, other, GroundTruthRule(frame_window=60)).metrics
    assert metrics["translation_error_m"]["median"] is None


def test_queries_are_put_where_the_map_has_its_zero(
    extractor: Extractor, far_map: PlaceMap, far_second_drive: FrameSource, evaluation: Evaluation
) -> None:
    """The same drives, both 500 km from where their coordinates begin."""
    assert far_map.frames.position_m[1].tolist() == [1.0, 0.0, 0.0]
    far = run(extractor, far_map, far_second_drive, TWO_METRES)
    assert far.metrics["recall_at"] == evaluation.metrics["recall_at"]
    for group in ("answer", "top1", "published"):
        found, expected = (metrics["pose_error"][group] for metrics in (far.metrics, evaluation.metrics))
        assert found["translation_m"] == pytest.approx(expected["translation_m"], abs=1e-6)


def test_the_maps_own_drive_is_noticed(
    extractor: Extractor, street_map: PlaceMap, own_drive: FrameSource, second_drive: FrameSource
) -> None:
    metrics = run(extractor, street_map, own_drive, TWO_METRES).metrics
    assert metrics["queries_like_their_match"] == 20
    assert any("20 queries are the very images of the map" in note for note in summary_notes(metrics))
    assert run(extractor, street_map, second_drive, TWO_METRES).metrics["queries_like_their_match"] == 0


def test_queries_beyond_the_map_are_asked_for_their_frame(
    extractor: Extractor, street_map: PlaceMap, drive_elsewhere: FrameSource
) -> None:
    metrics = run(extractor, street_map, drive_elsewhere, TWO_METRES).metrics
    assert any("in one frame and of one origin" in note for note in summary_notes(metrics))


def test_images_that_do_not_decode(
    extractor: Extractor, street_map: PlaceMap, broken_images: FrameSource, half_broken_drive: FrameSource
) -> None:
    with pytest.raises(SourceError, match="0 of 3 queries could be read"):
        run(extractor, street_map, broken_images, TWO_METRES)
    metrics = run(extractor, street_map, half_broken_drive, TWO_METRES).metrics
    assert (metrics["queries"], metrics["left_out"]["queries_undecodable"]) == (2, 3)


def test_two_rules_at_once_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than one rule"):
        GroundTruthRule(PoseThreshold(), frame_window=3)
    with pytest.raises(ConfigError, match="ignore-uninformative"):
        GroundTruthRule(ignore_uninformative=True)
    with pytest.raises(ConfigError, match="limit is 0, expected a whole number of 1 or more"):
        EvaluationOptions(limit=0)


@pytest.mark.slow
def test_report_is_whole_and_stands_alone(evaluation: Evaluation, tmp_path: Path) -> None:
    output = tmp_path / "results"
    write_report(evaluation, output, {"command": "evaluate <map>", "map": "street"})
    assert json.loads((output / "metrics.json").read_text()) == evaluation.metrics
    assert yaml.safe_load((output / "run.yaml").read_text())["map"] == "street"
    with (output / "queries.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert sum(row["right"] == "1" for row in rows) == sum(row["kind"] == "right" for row in rows) == 30
    assert {row["kind"] for row in rows[30:]} == {"wrong_place"}
    assert all((row["rejection"] == "") == (row["accepted"] == "1") for row in rows)
    assert {row["rejection"] for row in rows} == {"", "improbable"}
    for name in ("places.png", "precision_recall.png", "wrong_matches.png"):
        assert np.std(np.asarray(cv2.imread(str(output / name)))) > 5
    page = (output / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "75.0 %" in page
    assert "58.8 to 87.3" in page
    assert page.count("<td>improbable</td>") == len(evaluation.metrics["rejections"])
    assert "evaluate &lt;map&gt;" in page
    assert "<script" not in page
    assert "http" not in page
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.slow
def test_names_that_are_no_plain_text(evaluation: Evaluation, tmp_path: Path) -> None:
    """Half a formula, a byte of Latin-1, another script, a narrow space: all in pictures, table and page."""
    names = ["$x^$.png", "caf\udce9.png", "\u6771\u4eac.png", "8\u202fPM.png", 'a "b", c.png']
    wrong = [row for row in evaluation.outcomes.rows if row.thumbnail is not None][: len(names)]
    rows = [replace(row, name=name) for row, name in zip(wrong, names, strict=True)]
    keep = np.array([row in wrong for row in evaluation.outcomes.rows])
    outcomes = Outcomes(rows, evaluation.outcomes.positives.subset(keep))
    write_report(replace(evaluation, outcomes=outcomes), tmp_path / "results", {"command": "evaluate caf\udce9"})
    with (tmp_path / "results" / "queries.csv").open(newline="", encoding="utf-8") as file:
        assert [row["query"] for row in csv.DictReader(file)] == [names[0], "caf\\udce9.png", *names[2:]]


@pytest.mark.slow
def test_report_without_wrong_matches_or_poses(
    extractor: Extractor, street_map: PlaceMap, poseless_drive: FrameSource, tmp_path: Path
) -> None:
    result = run(extractor, street_map, poseless_drive, GroundTruthRule(frame_window=1))
    write_report(result, tmp_path / "results", {})
    assert (tmp_path / "results" / "report.html").stat().st_size > 10_000
    tables = {table.title.partition(" (")[0]: table for table in summary_tables(result.metrics)}
    assert ("positions inside their 95 % ellipse", "-") in tables["Answers, with 95 % intervals"].rows
    assert "Pose error" not in tables


@pytest.mark.slow
def test_earlier_results_are_replaced_and_other_things_are_not(evaluation: Evaluation, tmp_path: Path) -> None:
    output = tmp_path / "results"
    write_report(evaluation, output, {"command": "first"})
    write_report(evaluation, output, {"command": "second"})
    assert yaml.safe_load((output / "run.yaml").read_text())["command"] == "second"
    other = tmp_path / "photos"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(ConfigError, match="is not empty"):
        write_report(evaluation, other, {})
    assert [path.name for path in other.iterdir()] == ["holiday.jpg"]


@pytest.mark.slow
def test_a_report_that_fails_leaves_the_earlier_one(evaluation: Evaluation, tmp_path: Path) -> None:
    output = tmp_path / "results"
    write_report(evaluation, output, {"command": "first"})
    with pytest.raises(yaml.YAMLError):
        write_report(evaluation, output, {"command": object()})
    assert yaml.safe_load((output / "run.yaml").read_text())["command"] == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
