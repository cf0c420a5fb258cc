# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Of each panorama the best crop counts."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.evaluation.panoramas import Panoramas
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.recall import recall_at_n


def name(panorama: str, tile: int) -> str:
    return f"database/@0384750.00@3947440.00@54@S@035.66@0139.70@{panorama}@{tile:02d}@@@@@@@.jpg"


@pytest.fixture
def panoramas() -> Panoramas:
    """Two crops each of three panoramas, not in the order of their names."""
    return Panoramas.of_names([name(panorama, tile) for panorama in ("b", "a", "c") for tile in range(2)])


def test_later_crops_of_a_panorama_give_their_ranks_to_others(panoramas: Panoramas) -> None:
    ranked = np.array([[1, 0, 4, 2, 5, 3], [5, 4, -1, -1, -1, -1]])
    assert panoramas.best_crops(ranked).tolist() == [[1, 4, 2, -1, -1, -1], [5, -1, -1, -1, -1, -1]]
    truth = Positives.from_lists([[4, 5], [0]], "the same place")
    assert recall_at_n(ranked, truth, (1, 2, 3)).at == {1: 0.0, 2: 0.0, 3: 50.0}
    assert recall_at_n(panoramas.best_crops(ranked), truth, (1, 2, 3)).at == {1: 0.0, 2: 50.0, 3: 50.0}


def test_as_many_frames_are_retrieved_as_may_be_crops_of_the_panoramas_that_count(panoramas: Panoramas) -> None:
    assert (panoramas.count, panoramas.most_crops, panoramas.frames_to_retrieve()) == (3, 2, 40)
    with pytest.raises(ConfigError, match="60 crops"):
        Panoramas(np.zeros(60, dtype=np.int64)).frames_to_retrieve()


def test_a_name_without_panorama_is_told() -> None:
    with pytest.raises(ConfigError, match=r"@1@2@\.jpg does not say of which panorama"):
        Panoramas.of_names([name("a", 0), "@1@2@.jpg"])
