# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Every rejection in words: with its numbers for who reads it, without them to be counted."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from vpr_ros.core.evidence import EVIDENCE_NAMES, Evidence
from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization, Match, Rejection, RejectionType
from vpr_ros.localization.rejection import INLIERS, Dissimilar, Improbable, Jump, NoCandidate, Refuted, Unproved
from vpr_ros.localization.sentences import (
    answer_sentence,
    rejection_sentence,
    rejection_words,
    verdict,
    vouched_words,
)
from vpr_ros.maps.promise import Vouched

EVIDENCE = Evidence(0.553, np.log(1.02), 0.3)
FOUND = "similarity 0.55, probability 0.21"
SENTENCES: tuple[tuple[Rejection, str], ...] = (
    (NoCandidate(None), "no candidate in the map"),
    (NoCandidate(2.5), "no candidate within 2.5 m of the prior"),
    (Refuted(10, 7, 15), "geometry proves none of 10 candidates: 7 inliers at most, min_inliers is 15"),
    (Dissimilar(0.553, 0.6, 0.21), f"{FOUND}: similarity too low, min_similarity is 0.60"),
    (Improbable(0.21, 0.5, EVIDENCE, "similarity"), f"{FOUND}, below 0.50: too unlike the best place (0.55)"),
    (
        Improbable(0.21, 0.5, EVIDENCE, "distance_log_ratio"),
        f"{FOUND}, below 0.50: another place looks almost as similar (1.02 times as far)",
    ),
    (
        Improbable(0.21, 0.5, EVIDENCE, "concentration"),
        f"{FOUND}, below 0.50: the best candidates are scattered (30% at one place)",
    ),
    (
        Improbable(0.21, 0.5, EVIDENCE, INLIERS, 23),
        f"{FOUND}, below 0.50: few keypoints fit the best place (23 inliers)",
    ),
    (
        Jump(190.21, 10.4, 0.93),
        "probability 0.93, but 190.2 m from where odometry leads, which allows 10.4 m: "
        "odometry makes it impossible after the poses before",
    ),
    (
        Unproved(0.553, 0.21, 35, 35.0, Vouched(0.01, 0.01, 62.0, "held_out")),
        f"{FOUND}: 35 inliers, the map vouches for 1 % wrong places from 62 inliers on",
    ),
)
PROMISE = Vouched(0.02, 0.01, 62.0, "default")


def answer(rejection: Rejection | None) -> Localization:
    match = Match(3, 0.953, 0.875, Pose((0.0, 0.0, 0.0)), "3", "camera")
    return Localization(0, "camera", rejection, match.T_map_base, np.eye(6), 0.875, (match,))


@pytest.mark.parametrize(("rejection", "sentence"), SENTENCES)
def test_a_rejection_in_one_sentence(rejection: Rejection, sentence: str) -> None:
    assert rejection_sentence(rejection) == answer_sentence(answer(rejection)) == sentence
    assert not any(letter.isdigit() for letter in rejection_words(rejection))


def test_every_type_and_every_weakness_has_its_words() -> None:
    assert {rejection.type for rejection, _ in SENTENCES} == set(RejectionType)
    assert {kind.type for kind in get_args(Rejection)} == set(RejectionType)
    assert [r.weakest for r, _ in SENTENCES if isinstance(r, Improbable)] == [*EVIDENCE_NAMES, INLIERS]
    assert len({rejection_words(rejection) for rejection, _ in SENTENCES}) == len(SENTENCES)


def test_what_proves_less_than_its_inliers_says_why() -> None:
    no_pose = rejection_sentence(Unproved(0.553, 0.21, 100, 25.0, PROMISE))
    assert "100 inliers without the pose they should give are worth 25, the map" in no_pose
    assert "100 inliers in an image that may be mirrored" in rejection_sentence(Unproved(0.5, 0.2, 100, 0.0, PROMISE))


def test_a_looser_promise_says_what_was_asked_for() -> None:
    assert vouched_words(PROMISE) == "2 % wrong places (1 % was asked for) from 62 inliers on"


def test_the_verdict_names_the_type() -> None:
    assert verdict(answer(Refuted(3, 2, 15))) == "unknown (refuted)"
    assert verdict(answer(None)) == "accepted"
    assert answer_sentence(answer(None)) == "similarity 0.95, probability 0.88: accepted"
