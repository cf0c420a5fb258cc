# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is told while an index is made; and that its lists are those that faiss would find by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import faiss
import numpy as np

from vpr_ros.mapping.index_build import _find_lists, reindex
from vpr_ros.mapping.index_choice import IndexPlan
from vpr_ros.mapping.index_progress import ADDING, LISTS, PARTS, QUESTIONS, TRYING, IndexProgress
from vpr_ros.maps import PlaceMap


def test_one_count_goes_through_all_stages(wall_map: PlaceMap, tmp_path: Path) -> None:
    path, told = Path(shutil.copytree(wall_map.path, tmp_path / "map")), list[tuple[int, int, str]]()
    reindex(path, "lists", None, lambda done, total, stage="": told.append((done, total, stage)))
    done = [one for one, _, _ in told]
    assert done == sorted(done) and done[-1] == PARTS and {total for _, total, _ in told} == {PARTS}
    stages = [stage for _, _, stage in told]
    assert list(dict.fromkeys(stages)) == [QUESTIONS, LISTS, ADDING, TRYING]
    assert stages.count(LISTS) == 10 and stages.count(QUESTIONS) > 3


def test_a_million_frames_take_as_long_as_was_measured() -> None:
    """57 s, 53, 82 and 21 of one thread, that is a quarter, a half and nine tenths when each stage ends."""
    told = list[int]()
    plan = IndexPlan("lists", "IVF2048,RaBitQ", 2048)
    progress = IndexProgress(lambda done, _total, _stage="": told.append(done), plan, (1_000_000, 1600), 65536, 10)
    for stage in (QUESTIONS, LISTS, ADDING, TRYING):
        progress.tell(stage, 1.0)
    assert np.abs(np.array(told) - np.cumsum([268, 249, 385, 99])).max() < 40


def test_the_lists_are_those_of_faiss() -> None:
    rows = np.random.default_rng(0).standard_normal((2000, 64)).astype(np.float32)
    one, other = (faiss.index_factory(64, "IVF32,SQ8", faiss.METRIC_INNER_PRODUCT) for _ in range(2))
    progress = IndexProgress(None, IndexPlan("lists", "IVF32,SQ8", 32), rows.shape, len(rows), 10)
    _find_lists(one, rows, progress)
    for codes in (one, other):
        codes.train(rows)
        codes.add(rows)
    np.testing.assert_array_equal(faiss.serialize_index(one), faiss.serialize_index(other))
