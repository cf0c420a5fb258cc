# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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


# names and numbers


def read(tmp_path: Path, text: str, map_names: list[str], query_names: list[str]) -> GivenPositives:
    path = tmp_path / "gt.csv"
    path.write_text(text, encoding="utf-8")
    return read_positives(path, map_names, query_names)


SPACED = [f"Shot {number:03d} PM.jpg" for number in range(5, 45)]  # number 5 is the name of frame 0


@pytest.mark.parametrize(
    "cell",
    [
        "Shot 006 PM.jpg Shot 009 PM.jpg",
        "Shot 006 PM.jpg;Shot 009 PM.jpg",
        "Shot 006 PM ; Shot 009 PM",
        "map/Shot 006 PM.jpg map/Shot 009 PM.jpg",
        "My map/Shot 006 PM.jpg My map/Shot 009 PM.jpg",
        "Shot\u202f006\u00a0PM.jpg  Shot 009\u202fPM.jpg",
    ],
)
def test_names_with_spaces_are_names(tmp_path: Path, cell: str) -> None:
    text = f"query,positives\nnight shot 1.jpg,{cell}\n"
    found = read(tmp_path, text, SPACED, ["night\u202fshot 1.jpg", "night shot 2.jpg"])
    assert as_lists(found.positives) == [[1, 4], []]
    assert found.missing_map_frames == 0


def test_a_number_in_a_name_the_map_does_not_hold_is_no_frame(tmp_path: Path) -> None:
    text = "query,positives\nq.jpg,Shot 002 PM.jpg Shot 3 PM.jpg Shot 007 PM.jpg Shot 4 PM.jpg\n"
    found = read(tmp_path, text, SPACED, ["q.jpg"])
    assert as_lists(found.positives) == [[2]]
    assert found.missing_map_frames == 3


def test_names_in_folders_are_told_apart_without_spaces_in_folders(tmp_path: Path) -> None:
    names = ["001.jpg", "002.jpg", "my 002.jpg"]
    for cell, expected in (
        ("map/001 map/002", [0, 1]),
        ("map/001.jpg map/my 002.jpg", [0, 2]),
        ("/data/my map/001.jpg", [0]),
    ):
        assert as_lists(read(tmp_path, f"query,positives\nq,{cell}\n", names, ["q"]).positives) == [expected]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (("001.jpg 2", "002.jpg"), "the number '2' and the name '001.jpg'"),  # a frame, or the end of a name
        (("001.jpg", "2"), "the number '2' and the name '001.jpg'"),
        (("999.jpg", "2"), "the number '2' and the name '999.jpg'"),
        (("001", "1"), "the number '1' and the name '001'"),
    ],
)
def test_numbers_beside_names_are_refused(tmp_path: Path, cells: tuple[str, str], found: str) -> None:
    text = f"query,positives\n041.jpg,{cells[0]}\n042.jpg,{cells[1]}\n"
    with pytest.raises(SourceError, match=f"column 'positives', holds {found}"):
        given(tmp_path, text)


def test_numbers_are_not_taken_for_the_names_some_of_them_are(tmp_path: Path) -> None:
    """Frames 0 and 1 of files that count from 1: the second number is the first file's name."""
    with pytest.raises(SourceError, match=r"the number '0' and the name '1'.*with its extension"):
        read(tmp_path, "query,positives\nq.jpg,0 1\n", ["1.jpg", "2.jpg"], ["q.jpg"])
    with pytest.raises(SourceError, match="column 'query', holds the number '0' and the name '1'"):
        read(tmp_path, "query,positives\n0,1.jpg\n1,2.jpg\n", ["1.jpg", "2.jpg"], ["1.jpg", "2.jpg"])
    found = read(tmp_path, "query,positives\nq.jpg,1.jpg\n", ["1.jpg", "2.jpg"], ["q.jpg"])
    assert as_lists(found.positives) == [[0]]


def test_numbers_beyond_the_map_are_missing(tmp_path: Path) -> None:
    found = given(tmp_path, "query,positives\n041.jpg,0 3 999999999\n042.jpg,2\n")
    assert as_lists(found.positives) == [[0], [2], []]
    assert found.missing_map_frames == 2


def test_names_no_integer_can_be_made_of_are_names(tmp_path: Path) -> None:
    found = read(tmp_path, f"query,positives\nq,\u00b2 {'7' * 5000} a\n", ["a.jpg"], ["q.jpg"])
    assert as_lists(found.positives) == [[0]]


def test_the_nearest_reading_wins(tmp_path: Path) -> None:
    names = ["1.jpg", "day/1.jpg", "a.b", "a.b.jpg", "cafe\u0301.jpg"]
    for cell, expected in (("1.jpg", 0), ("day/1.jpg", 1), ("a.b", 2), ("a.b.jpg", 3), ("caf\u00e9.jpg", 4)):
        assert as_lists(read(tmp_path, f"query,positives\nq,{cell}\n", names, ["q"]).positives) == [[expected]]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffquery,positives\n041.jpg,001.jpg 003.jpg\n",
        "query;positives\n041.jpg;001.jpg 003.jpg\n",
        'query;positives\n041.jpg;"001.jpg;003.jpg"\n',
        "query\tpositives\n041.jpg\t001.jpg;003.jpg\n",
        '"query", "positives"\r\n"041.jpg", "001.jpg 003.jpg"\r\n',
        "positives,query,\n001.jpg 003.jpg,041.jpg,\n",
        "\nquery,positives\n\n041.jpg,001.jpg\n041.jpg,003.jpg\n",
    ],
    ids=["byte order mark", "semicolons", "quoted cell", "tabs", "quoted header", "empty column", "empty lines"],
)
def test_tables_as_spreadsheets_write_them(tmp_path: Path, text: str) -> None:
    assert as_lists(given(tmp_path, text).positives) == [[0, 2], [], []]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query,positives\n041.jpg,001.jpg,003.jpg\n", "line 2: 3 cells under 2 column names.*into quotes"),
        ("query,positives,positives\n041.jpg,001.jpg,\n", "2 columns are called 'positives'"),
        ("query,positives,informative\n041.jpg,001.jpg,perhaps\n", "informative is 'perhaps'"),
    ],
)
def test_tables_that_lose_a_cell_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        given(tmp_path, text)


def test_a_name_that_tables_hold_escaped_is_listed_as_the_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "gt.csv").write_text('query,positives\n"00tab\t.jpg","10esc\x1b.jpg"\n', encoding="utf-8")
    given = read_positives(tmp_path / "gt.csv", [r"10esc\x1b.jpg"], [r"00tab\t.jpg"])
    assert as_lists(given.positives) == [[0]]
