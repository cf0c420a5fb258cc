# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a list of candidates says about its own truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.core.evidence import EVIDENCE_TOP_K, match_evidence


def along_a_line(*x_m: float) -> npt.NDArray[np.float64]:
    return np.array([(x, 0.0, 0.0) for x in x_m])


def test_the_ratio_is_that_of_descriptor_distances() -> None:
    similarities = np.array([0.9, 0.8, 0.6])
    evidence = match_evidence(similarities, along_a_line(0.0, 1.0, 50.0), radius_m=2.0)
    distances = np.sqrt(2.0 - 2.0 * similarities)  # of unit vectors
    np.testing.assert_allclose(evidence[0], [0.9, np.log(distances[2] / distances[0]), 2 / 3])
    np.testing.assert_allclose(evidence[2], [0.6, np.log(distances[0] / distances[2]), 1 / 3])


def test_light_that_moves_every_descriptor_away_leaves_the_ratio() -> None:
    position_m = along_a_line(0.0, 50.0)
    by_day = match_evidence(np.array([0.8, 0.6]), position_m, 2.0)[0]
    by_night = match_evidence(np.array([0.4, -0.2]), position_m, 2.0)[0]
    assert by_night[1] == pytest.approx(by_day[1])
    assert by_night[0] < by_day[0]


def test_where_all_are_one_place_the_farthest_candidate_stands_for_the_rest() -> None:
    evidence = match_evidence(np.array([0.9, 0.7]), along_a_line(0.0, 1.0), 2.0)
    assert evidence[0, 1] == pytest.approx(0.5 * np.log(0.3 / 0.1))


def test_an_image_that_is_in_the_map_is_finite_evidence() -> None:
    assert np.isfinite(match_evidence(np.array([1.0, 1.0]), along_a_line(0.0, 50.0), 2.0)).all()


def test_no_more_candidates_than_at_calibration_are_looked_at() -> None:
    many = 2 * EVIDENCE_TOP_K
    assert len(match_evidence(np.linspace(0.9, 0.1, many), along_a_line(*range(many)), 2.0)) == EVIDENCE_TOP_K
    assert match_evidence(np.empty(0), np.empty((0, 3)), 2.0).shape == (0, 3)
