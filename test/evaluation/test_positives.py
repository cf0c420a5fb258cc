"""Ground truth by distance, by heading, by frame number and from a CSV file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.positives_by_distance import PoseThreshold, positives_by_distance
from vpr_ros.evaluation.positives_by_index import positives_by_index
from vpr_ros.evaluation.positives_csv import GivenPositives, read_positives


def as_lists(positives: Positives) -> list[list[int]]:
    return [row.tolist() for row in positives.indices]


def test_distance_is_inclusive_and_unknown_positions_never_count() -> None:
    map_m = np.array([[0.0, 0, 0], [25.0, 0, 0], [25.001, 0, 0], [np.nan, 0, 0]])
    query_m = np.array([[0.0, 0, 0], [100.0, 0, 0], [np.nan, 0, 0]])
    assert as_lists(positives_by_distance(map_m, query_m, PoseThreshold())) == [[0, 1], [], []]


def test_heading_counts_where_asked_and_unknown_orientation_is_never_correct() -> None:
    map_m = np.zeros((4, 3))
    map_quat = Rotation.from_euler("z", [[0], [40], [41], [0]], degrees=True).as_quat()
    map_quat[3] = np.nan
    query_quat = np.vstack([Rotation.identity().as_quat(), np.full(4, np.nan)])
    threshold = PoseThreshold.parse("25,40")
    positives = positives_by_distance(map_m, np.zeros((2, 3)), threshold, map_quat, query_quat)
    assert as_lists(positives) == [[0, 1], []]
    assert positives.rule == "a map frame within 25 m and 40 deg"


def test_heading_without_any_orientation_is_refused() -> None:
    with pytest.raises(ConfigError, match="the queries have no orientation"):
        positives_by_distance(
            np.zeros((1, 3)), np.zeros((1, 3)), PoseThreshold(1.0, 0.5), np.array([[0.0, 0, 0, 1]]), None
        )


def test_distance_agrees_with_every_pair_compared() -> None:
    rng = np.random.default_rng(3)
    map_m, query_m = rng.uniform(0, 50, (80, 3)), rng.uniform(0, 50, (30, 3))
    map_quat, query_quat = Rotation.random(80, 5).as_quat(), Rotation.random(30, 6).as_quat()
    found = positives_by_distance(map_m, query_m, PoseThreshold(20.0, 2.0), map_quat, query_quat)
    near = np.linalg.norm(map_m[None] - query_m[:, None], axis=2) <= 20.0
    angle = 2 * np.arccos(np.clip(np.abs(query_quat @ map_quat.T), 0, 1))
    assert as_lists(found) == [np.flatnonzero(row).tolist() for row in near & (angle <= 2.0)]
    assert any(len(row) for row in found.indices)


@pytest.mark.parametrize("text", ["", "a", "1,2,3", "-1", "nan", "5,inf"])
def test_threshold_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"25 or 0\.3,30"):
        PoseThreshold.parse(text)


def test_frame_window_is_clipped_to_the_map() -> None:
    assert as_lists(positives_by_index(4, 6, 1)) == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3], [3], []]
    with pytest.raises(ConfigError, match="-1"):
        positives_by_index(4, 6, -1)


MAP_NAMES = ["001.jpg", "002.jpg", "003.jpg"]
QUERY_NAMES = ["041.jpg", "042.jpg", "043.jpg"]


def given(tmp_path: Path, text: str) -> GivenPositives:
    path = tmp_path / "gt.csv"
    path.write_text(text)
    return read_positives(path, MAP_NAMES, QUERY_NAMES)


def test_csv_with_several_positives_per_cell(tmp_path: Path) -> None:
    found = given(
        tmp_path,
        "query,best_map,positives_pm2,informative\n"
        "query/041.jpg,map/001.jpg,map/001.jpg map/002.jpg,1\n"
        "query/042.jpg,map/003.jpg,map/003.jpg;map/999.jpg,0\n"
        "query/777.jpg,map/003.jpg,map/003.jpg,1\n",
    )
    assert as_lists(found.positives) == [[0, 1], [2], []]
    assert found.informative.tolist() == [True, False, True]
    assert (found.unlisted_queries, found.missing_map_frames) == (1, 1)
    assert found.positives.rule == "listed in gt.csv, column positives_pm2"


def test_csv_with_one_positive_per_row_and_frame_numbers(tmp_path: Path) -> None:
    found = given(tmp_path, "query, positives\n0,2\n0,1\n2,0\n\n")
    assert as_lists(found.positives) == [[1, 2], [], [0]]


def test_csv_row_without_positives_is_a_query_without_answer(tmp_path: Path) -> None:
    found = given(tmp_path, "query,positives\n041,001\n042,\n043\n")
    assert as_lists(found.positives) == [[0], [], []]
    assert found.unlisted_queries == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected 'query' and 'positives'"),
        ("image,positives\n1,2\n", r"columns \['image', 'positives'\]"),
        ("query,best\n1,2\n", "expected 'query' and 'positives'"),
        ("query,positives\nx.jpg,001.jpg\n", "names one of the 3 queries"),
        ("query,positives\n041.jpg,x.jpg\n", "names one of the 3 map frames"),
    ],
)
def test_csv_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        given(tmp_path, text)


def test_missing_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.csv.*cannot be read"):
        read_positives(tmp_path / "none.csv", MAP_NAMES, QUERY_NAMES)


def test_ambiguous_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gt.csv"
    path.write_text("query,positives\n1.jpg,001.jpg\n")
    with pytest.raises(SourceError, match="fits 2 frames of the queries"):
        read_positives(path, MAP_NAMES, ["day/1.jpg", "night/1.jpg"])
    path.write_text("query,positives\nnight/1.jpg,001.jpg\n")
    found = read_positives(path, MAP_NAMES, ["day/1.jpg", "night/1.jpg"])
    assert as_lists(found.positives) == [[], [0]]
