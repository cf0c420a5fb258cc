# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How hard an index is made to look: questions of the hardness wanted, and the fewest lists and candidates for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import faiss
import numpy as np
import pytest

from vpr_ros.mapping.index_recall import LEAST_RECALL_20, IndexQuestions, is_enough
from vpr_ros.mapping.likeness import HALVINGS, LEAST_STEPS, MOST_STEPS, hardest_steps
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.index_entry import IndexEntry

WANTED = IndexEntry("lists", method="IVF10,SQ8", recall=0.99, recall_20=0.99, questions=800)


def test_questions_are_made_as_hard_as_is_wanted() -> None:
    found = hardest_steps(lambda steps: 1.0 if steps <= 3.0 else 0.5, 0.85)
    assert 3.0 / (MOST_STEPS / LEAST_STEPS) ** (1 / 2**HALVINGS) <= found <= 3.0
    assert hardest_steps(lambda _: 0.0, 0.85) == LEAST_STEPS


def test_what_is_wanted_must_be_found_surely_and_the_evidence_with_it() -> None:
    assert not is_enough(WANTED)  # as likely below as above
    assert is_enough(replace(WANTED, recall=0.994)) and is_enough(replace(WANTED, recall=1.0, wanted_recall=1.0))
    assert not is_enough(replace(WANTED, recall=0.992))
    assert not is_enough(replace(WANTED, recall=0.994, questions=80))
    assert not is_enough(replace(WANTED, recall=1.0, recall_20=LEAST_RECALL_20 - 0.01))


@pytest.mark.parametrize("wanted", [0.7, 0.95])
def test_no_more_lists_are_read_than_that_takes(wall_map: PlaceMap, wanted: float) -> None:
    descriptors = wall_map.descriptors.astype(np.float32)
    codes: Any = faiss.index_factory(descriptors.shape[1], "IVF10,SQ8", faiss.METRIC_INNER_PRODUCT)
    codes.cp.min_points_per_centroid = 1
    codes.train(descriptors)
    codes.add(descriptors)
    questions, entry = IndexQuestions(wall_map), replace(WANTED, wanted_recall=wanted)
    fitted = questions.fitted(codes, entry)
    assert is_enough(fitted) and fitted.questions == len(wall_map) and fitted.candidates == 200

    def with_lists(nprobe: int) -> IndexEntry:
        codes.nprobe = nprobe
        found = codes.search(questions.queries, len(descriptors))[1]
        return questions.measured(found, replace(entry, nprobe=nprobe, candidates=200))

    assert fitted == with_lists(fitted.nprobe)
    assert not any(is_enough(with_lists(fewer)) for fewer in (1, 2, 3, 4, 5, 6, 7, 8, 10) if fewer < fitted.nprobe)
