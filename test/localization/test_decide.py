# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Accept or reject, with the evidence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from some_candidates import calibration, candidates

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.evidence import Evidence, match_evidence
from vpr_ros.localization import LocalizerConfig, Rejection
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.decide import Proof, decide, match_probabilities
from vpr_ros.localization.rejection import Dissimilar, Improbable, Unproved
from vpr_ros.maps.promise import Vouched

CLEAR = candidates([0.95, 0.94, 0.5], [(0, 0), (0.5, 0), (50, 0)], [0.0] * 3)
ALIKE = candidates([0.70, 0.70, 0.69], [(0, 0), (30, 0), (60, 0)], [0.0] * 3)
UNLIKE = candidates([0.30, 0.29, 0.05], [(0, 0), (0.5, 0), (50, 0)], [0.0] * 3)
SCATTERED = candidates([0.9] + [0.7] * 29, [(10.0 * i, 0) for i in range(30)], [0.0] * 30)
CONFIG = LocalizerConfig()


def judged(found: Candidates) -> tuple[float, Evidence]:
    """Probability and evidence of the best candidate."""
    evidence = match_evidence(found.similarities, found.position_m, calibration().radius_m)
    return float(match_probabilities(evidence, len(found), calibration())[0]), Evidence(*evidence[0].tolist())


def decision(found: Candidates, config: LocalizerConfig = CONFIG) -> Rejection | None:
    return decide(*judged(found), config, calibration())


def test_a_clear_match_is_accepted() -> None:
    assert decision(CLEAR) is None
    assert judged(CLEAR)[0] > 0.95


@pytest.mark.parametrize(("found", "weakest"), [(ALIKE, "distance_log_ratio"), (UNLIKE, "similarity")])
def test_a_rejection_carries_its_evidence_and_what_speaks_most_against(found: Candidates, weakest: str) -> None:
    probability, evidence = judged(found)
    assert decision(found) == Improbable(probability, 0.9, evidence, weakest)
    assert 0.0 < probability < 0.5 and evidence.similarity == found.similarities[0]


def test_scattered_candidates_are_named_as_such() -> None:
    scattered = decision(SCATTERED, LocalizerConfig(min_probability=1.0))
    assert isinstance(scattered, Improbable) and scattered.weakest == "concentration"


def test_the_thresholds_are_the_users() -> None:
    probability, _ = judged(ALIKE)
    assert decision(ALIKE, LocalizerConfig(min_probability=probability)) is None
    assert decision(ALIKE, LocalizerConfig(min_probability=math.nextafter(probability, 1.0))) is not None
    strict = decision(CLEAR, LocalizerConfig(min_similarity=0.96))
    assert strict == Dissimilar(0.95, 0.96, judged(CLEAR)[0])


@pytest.mark.parametrize(
    ("posed", "worth", "type_"), [(True, 60.0, None), (False, 60.0, Improbable), (True, 59.0, Unproved)]
)
def test_what_is_proved_has_a_pose_or_is_likelier_right_than_wrong(
    posed: bool, worth: float, type_: type[Rejection] | None
) -> None:
    """ALIKE is not; CLEAR is."""
    proof = Proof(60, worth, Vouched(0.01, 0.01, 60.0, "held_out"), posed)
    found = decide(*judged(ALIKE), CONFIG, calibration(), proof=proof)
    assert (found if type_ is None else type(found)) == type_
    assert (decide(*judged(CLEAR), CONFIG, calibration(), proof=proof) is None) == (worth >= 60.0)


def test_a_match_alone_is_judged_by_its_similarity() -> None:
    assert np.isfinite(judged(candidates([0.99], [(0, 0)], [0.0]))[0])


def test_only_the_first_twenty_are_judged() -> None:
    evidence = match_evidence(SCATTERED.similarities, SCATTERED.position_m, calibration().radius_m)
    probabilities = match_probabilities(evidence, len(SCATTERED), calibration())
    assert probabilities.shape == (30,)
    assert (probabilities[:20] > 0).all() and (probabilities[20:] == 0).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_k", 0),
        ("top_k", 2.5),
        ("min_probability", 1.1),
        ("pose_radius_m", math.nan),
        ("temperature", 0.0),
        ("top_k", True),
    ],
)
def test_options_outside_their_bounds(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{name} is .*, expected a (whole )?number from") as caught:
        LocalizerConfig(**{name: value})  # type: ignore[arg-type]
    assert name in caught.value.remedy
