"""Accept or reject, and say why."""

from __future__ import annotations

import math

import numpy as np
import pytest
from some_candidates import calibration, candidates

from vpr_ros.core.errors import ConfigError
from vpr_ros.localization import LocalizerConfig
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.decide import Decision, decide, match_probabilities

CLEAR = candidates([0.95, 0.94, 0.5], [(0, 0), (0.5, 0), (50, 0)], [0.0] * 3)
ALIKE = candidates([0.70, 0.70, 0.69], [(0, 0), (30, 0), (60, 0)], [0.0] * 3)
UNLIKE = candidates([0.30, 0.29, 0.05], [(0, 0), (0.5, 0), (50, 0)], [0.0] * 3)
SCATTERED = candidates([0.9] + [0.7] * 29, [(10.0 * i, 0) for i in range(30)], [0.0] * 30)
CONFIG = LocalizerConfig()


def decision(found: Candidates, config: LocalizerConfig = CONFIG) -> Decision:
    return decide(found, match_probabilities(found, calibration()), config, calibration())


def test_a_clear_match_is_accepted_with_its_numbers() -> None:
    result = decision(CLEAR)
    assert result.accepted and result.probability > 0.95
    assert "similarity 0.95" in result.reason and "accepted" in result.reason


@pytest.mark.parametrize(
    ("found", "why"), [(ALIKE, "another place looks almost as similar"), (UNLIKE, "too unlike the best place")]
)
def test_a_rejection_names_what_speaks_most_against(found: Candidates, why: str) -> None:
    result = decision(found)
    assert not result.accepted and why in result.reason and "below 0.50" in result.reason


def test_scattered_candidates_are_named_as_such() -> None:
    assert "scattered" in decision(SCATTERED, LocalizerConfig(min_probability=1.0)).reason


def test_the_thresholds_are_the_users() -> None:
    probability = decision(ALIKE).probability
    assert decision(ALIKE, LocalizerConfig(min_probability=probability)).accepted
    assert not decision(ALIKE, LocalizerConfig(min_probability=math.nextafter(probability, 1.0))).accepted
    strict = decision(CLEAR, LocalizerConfig(min_similarity=0.96))
    assert not strict.accepted and "min_similarity is 0.96" in strict.reason


def test_a_match_alone_is_judged_by_its_similarity() -> None:
    one = candidates([0.99], [(0, 0)], [0.0])
    assert match_probabilities(one, calibration()).shape == (1,)
    assert np.isfinite(match_probabilities(one, calibration())).all()


def test_only_the_first_twenty_are_judged() -> None:
    probabilities = match_probabilities(SCATTERED, calibration())
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
