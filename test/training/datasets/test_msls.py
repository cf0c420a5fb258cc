# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""MSLS: which images each of the protocols called MSLS-val asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.datasets.msls import MslsTuples, MslsVal740, MslsValBenchmark
from vpr_ros.training.image_sets import ImageList
from vpr_ros.training.tuple_positions import TupleRule, positives_and_non_negatives

WriteCsv = Callable[..., Path]
WriteImage = Callable[..., Path]

POST = ("", "key", "easting", "northing", "unique_cluster", "control_panel", "night", "view_direction")
RAW = ("", "key", "lon", "lat", "ca", "captured_at", "pano")
SUBTASK = ("", "all", "s2w", "w2s", "o2n", "n2o", "d2n", "n2d")

# key, east (m), panorama?, in the task "all"?
SIDES = {
    ("cph", "database"): [
        ("a", 0, False, True),
        ("b", 24, False, True),
        ("c", 30, True, True),
        ("d", 60, False, False),
    ],
    ("cph", "query"): [("q", 5, False, True), ("r", 61, False, True), ("s", 0, True, True), ("t", 1, False, False)],
    ("sf", "database"): [("e", 0, False, True)],
    ("sf", "query"): [("u", 100, False, True)],
}


@pytest.fixture
def root(tmp_path: Path, write_csv: WriteCsv, write_image: WriteImage) -> Path:
    for (city, side), images in SIDES.items():
        folder = tmp_path / "train_val" / city / side
        rows = list(enumerate(images))
        write_csv(
            folder / "postprocessed.csv",
            POST,
            [(n, k, east, 7e6, True, False, False, "Forward") for n, (k, east, _, _) in rows],
        )
        write_csv(folder / "raw.csv", RAW, [(n, k, 1, 2, 90, "2018-01-01", pano) for n, (k, _, pano, _) in rows])
        write_csv(folder / "subtask_index.csv", SUBTASK, [(n, task, *[False] * 6) for n, (*_, task) in rows])
        write_csv(folder / "seq_info.csv", ("", "sequence_key", "frame_number"), [(n, "s", n) for n, _ in rows])
        for value, (key, *_) in rows:
            write_image(folder / "images" / f"{key}.jpg", value)
    return tmp_path


def names(images: ImageList) -> list[str]:
    return [images.name(i) for i in range(len(images))]


def test_the_740_protocol_asks_what_the_subtask_marks_and_drops_the_unanswerable(root: Path) -> None:
    task = MslsVal740(root).open()
    assert names(task.database) == [f"cph/database/images/{k}.jpg" for k in "ab"] + ["sf/database/images/e.jpg"]
    # s is a panorama, t not in the task, r has only d in reach (not in the task), u is 100 m away
    assert names(task.queries) == ["cph/query/images/q.jpg"]
    assert [p.tolist() for p in task.positives.indices] == [[0, 1]]
    assert "740-query protocol" in task.protocol
    assert "2 queries without positive dropped" in task.protocol
    assert task.queries.load(0).shape == (24, 32, 3)


def test_given_lists_of_positives_are_used(root: Path, write_csv: WriteCsv) -> None:
    path = write_csv(root / "lists.csv", ("query", "positives"), [("q", "b"), ("u", "e")])
    task = MslsVal740(root, path).open()
    assert names(task.queries) == ["cph/query/images/q.jpg", "sf/query/images/u.jpg"]
    assert [p.tolist() for p in task.positives.indices] == [[1], [2]]
    assert "lists.csv" in task.protocol


def test_the_benchmark_protocol_keeps_all_but_panoramas_and_counts_misses(root: Path) -> None:
    task = MslsValBenchmark(root).open()
    assert [n[-5] for n in names(task.database)] == ["a", "b", "d", "e"]
    assert [n[-5] for n in names(task.queries)] == ["q", "r", "t", "u"]
    # cities do not answer each other although their UTM numbers meet
    assert [p.tolist() for p in task.positives.indices] == [[0, 1], [2], [0, 1], []]
    assert "queries without positive are misses" in task.protocol


def test_training_tuples_keep_cities_apart(root: Path) -> None:
    tuples = MslsTuples(root, ("cph", "sf")).open()
    positives, non_negatives = positives_and_non_negatives(
        tuples.query_placement, tuples.database_placement, TupleRule()
    )
    assert [p.tolist() for p in positives] == [[0], [2], [0], []]
    assert [n.tolist() for n in non_negatives] == [[0, 1], [2], [0, 1], []]


def test_files_that_do_not_belong_together_are_refused(root: Path, write_csv: WriteCsv) -> None:
    folder = root / "train_val" / "cph" / "query"
    write_csv(folder / "raw.csv", RAW, [(0, "q", 1, 2, 90, "2018", False)])
    with pytest.raises(TrainingError, match=r"list different images \(4 and 1 rows\)"):
        MslsValBenchmark(root).open()


def test_a_missing_column_and_a_missing_city_are_named(root: Path, write_csv: WriteCsv) -> None:
    write_csv(root / "train_val" / "cph" / "query" / "subtask_index.csv", ("", "s2w"), [(0, True)])
    with pytest.raises(TrainingError, match=r"subtask_index\.csv has no column all"):
        MslsVal740(root).open()
    with pytest.raises(TrainingError, match=r"oslo.*cannot be read"):
        MslsTuples(root, ("oslo",)).open()


def test_nothing_to_evaluate_is_refused(root: Path) -> None:
    with pytest.raises(TrainingError, match="0 queries, both must be more than 0"):
        MslsVal740(root, cities=("sf",)).open()
