# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The benchmark's folder layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.datasets.vpr_folder import VprFolder, VprFolderTuples
from vpr_ros.training.tuple_positions import TupleRule, positives_and_non_negatives

WriteImage = Callable[..., Path]


def vpr_name(east_m: float, north_m: float, stamp: str = "") -> str:
    return f"@{east_m:010.2f}@{north_m:010.2f}@17@T@040.44@-079.99@pano{east_m:g}@03@090@@@@{stamp}@note@.jpg"


@pytest.fixture
def root(tmp_path: Path, write_image: WriteImage) -> Path:
    for split in ("train", "test"):
        folder = tmp_path / "pitts30k" / "images" / split
        for value, east in enumerate((584000.0, 584025.0, 584060.0)):
            write_image(folder / "database" / "sub" / vpr_name(east, 4476000.0, "201309"), value)
        for value, (east, stamp) in enumerate(((584000.5, "201309"), (584200.0, "201406"), (584055.0, "201406"))):
            write_image(folder / "queries" / vpr_name(east, 4476000.0, stamp), 9 + value)
    return tmp_path / "pitts30k"


def test_correct_within_25_m_and_unanswerable_queries_stay(root: Path) -> None:
    task = VprFolder(root, "test").open()
    assert task.name == "pitts30k-test"
    assert [p.tolist() for p in task.positives.indices] == [[0, 1], [2], []]
    assert "3 database images, 3 queries, correct within 25 m" in task.protocol
    assert task.database.load(2).shape == (24, 32, 3)
    assert task.database.name(0).startswith("sub/@0584000.00@")


def test_training_tuples_may_ask_for_another_time(root: Path) -> None:
    for use_stamps, expected in ((False, [[0], [2], []]), (True, [[], [2], []])):
        tuples = VprFolderTuples(root, use_stamps=use_stamps).open()
        positives, _ = positives_and_non_negatives(tuples.query_placement, tuples.database_placement, TupleRule())
        assert [p.tolist() for p in positives] == expected


def test_a_name_without_position_is_refused(root: Path, write_image: WriteImage) -> None:
    write_image(root / "images" / "test" / "queries" / "holiday.jpg")
    with pytest.raises(TrainingError, match=r"holiday\.jpg does not say where it was taken"):
        VprFolder(root, "test").open()


def test_empty_and_missing_splits_are_refused(root: Path) -> None:
    with pytest.raises(TrainingError, match=r"there is no folder .*images/val/database"):
        VprFolder(root, "val").open()
    for side in ("database", "queries"):
        (root / "images" / "val" / side).mkdir(parents=True)
    with pytest.raises(TrainingError, match="0 database images and 0 queries"):
        VprFolder(root, "val").open()
    with pytest.raises(TrainingError, match="no images in"):
        VprFolderTuples(root, "val").open()


def test_a_validation_set_without_any_answer_is_refused(root: Path) -> None:
    with pytest.raises(TrainingError, match="none of the 3 queries has a correct answer"):
        VprFolder(root, "test", radius_m=0.1).open()
