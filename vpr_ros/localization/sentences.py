# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Answers in words: the one place where a rejection becomes a sentence.

Node, match image, log and evaluation show what is said here. Who wants to tell rejections apart reads their type.
"""

from __future__ import annotations

import math
from typing import Final

from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.rejection import (
    INLIERS,
    Dissimilar,
    Improbable,
    Jump,
    NoCandidate,
    Refuted,
    Rejection,
    Unproved,
)
from vpr_ros.localization.result import Localization
from vpr_ros.maps.promise import Source, Vouched

WEAKEST_WORDS: Final = {
    "similarity": "too unlike the best place",
    "distance_log_ratio": "another place looks almost as similar",
    "concentration": "the best candidates are scattered",
    INLIERS: "few keypoints fit the best place",
}
"""What it means that this evidence speaks most against a match."""

SOURCE_WORDS: Final[dict[Source, str]] = {
    "calibrated": "calibrated on drives",
    "held_out": "by other maps and the map's own frames",
    "default": "by other maps alone",
}
"""What a promise rests on."""


def verdict(answer: Localization) -> str:
    """``accepted``, or ``unknown`` with the name of the rejection's type, which scripts may read."""
    return "accepted" if answer.rejection is None else f"unknown ({answer.rejection.type.value})"


def answer_sentence(answer: Localization) -> str:
    """Why *answer* was accepted or rejected, without a final period."""
    if answer.rejection is not None:
        return rejection_sentence(answer.rejection)
    geometry = f", {source_words(answer)}" if answer.was_compared else ""
    return f"{_found(answer.matches[0].similarity, answer.probability)}{geometry}: accepted"


def source_words(answer: Localization) -> str:
    """Which way the pose came, and what proves it: ``geometric, 132 inliers``."""
    return f"{answer.pose_source}, {answer.inliers} inliers"


def rejection_sentence(rejection: Rejection) -> str:
    """Why an answer was rejected, with the numbers of its image and without a final period."""
    match rejection:
        case NoCandidate(prior_radius_m=None):
            return "no candidate in the map"
        case NoCandidate(prior_radius_m=radius_m):
            return f"no candidate within {radius_m:g} m of the prior"
        case Refuted():
            return (
                f"geometry proves none of {rejection.candidates} candidates: {rejection.inliers} inliers at most, "
                f"min_inliers is {rejection.min_inliers}"
            )
        case Dissimilar():
            found = _found(rejection.similarity, rejection.probability)
            return f"{found}: {rejection_words(rejection)}, min_similarity is {rejection.min_similarity:.2f}"
        case Improbable():
            found = _found(rejection.evidence.similarity, rejection.probability)
            why = f"{rejection_words(rejection)} ({_weakest_number(rejection)})"
            return f"{found}, below {rejection.min_probability:.2f}: {why}"
        case Jump():
            return (
                f"probability {rejection.probability:.2f}, but {rejection.distance_m:.1f} m from where odometry leads, "
                f"which allows {rejection.allowed_m:.1f} m: {rejection_words(rejection)}"
            )
        case Unproved():
            found = _found(rejection.similarity, rejection.probability)
            return f"{found}: {_proof(rejection)}, the map vouches for {vouched_words(rejection.vouched)}"


def rejection_words(rejection: Rejection) -> str:
    """The same in words that are alike for every image, to be counted."""
    match rejection:
        case NoCandidate():
            return "no candidate" if rejection.prior_radius_m is None else "no candidate near the prior"
        case Refuted():
            return "geometry proves no candidate"
        case Dissimilar():
            return "similarity too low"
        case Improbable():
            return WEAKEST_WORDS[rejection.weakest]
        case Jump():
            return "odometry makes it impossible after the poses before"
        case Unproved():
            return "too little proof for the promise"


def vouched_words(vouched: Vouched) -> str:
    """A promise: ``1 % wrong places from 62 inliers on``, and which one was asked for where that is another."""
    asked = "" if vouched.is_as_asked else f" ({_percent(vouched.asked_rate)} was asked for)"
    return f"{_percent(vouched.rate)} wrong places{asked} from {vouched.least_proof:.0f} inliers on"


def in_force_words(vouched: Vouched | None, config: LocalizerConfig) -> str:
    """What answers are judged by: the promise and what it rests on, or the probability they need."""
    probability = f"min_probability {config.min_probability:.2f}"
    if vouched is None:
        return f"no promise, {probability} decides"
    also = f", and {probability}" if config.also_asks_probability else ""
    return f"{vouched_words(vouched)} ({SOURCE_WORDS[vouched.source]}){also}"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _proof(rejection: Unproved) -> str:
    counted = f"{rejection.inliers} inliers"
    if rejection.proof == rejection.inliers:
        return counted
    if rejection.proof:
        return f"{counted} without the pose they should give are worth {rejection.proof:.0f}"
    return f"{counted} in an image that may be mirrored"


def _found(similarity: float, probability: float) -> str:
    return f"similarity {similarity:.2f}, probability {probability:.2f}"


def _weakest_number(rejection: Improbable) -> str:
    similarity, log_ratio, concentration = rejection.evidence
    return {
        "similarity": f"{similarity:.2f}",
        "distance_log_ratio": f"{math.exp(log_ratio):.2f} times as far",
        "concentration": f"{concentration:.0%} at one place",
        INLIERS: f"{rejection.inliers} inliers",
    }[rejection.weakest]
