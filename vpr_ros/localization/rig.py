# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One answer from several cameras of one robot: their places are scored together, their poses fused (docs/rig.md).

Every camera is localized by itself first; what follows is arithmetic on the answers, so robot and evaluation share it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from vpr_ros.core.options import check_options, option
from vpr_ros.core.pose_average import consistent_with_first
from vpr_ros.localization.camera_vote import CameraVote
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.decide import least_probability
from vpr_ros.localization.estimate import estimate_pose
from vpr_ros.localization.geometric_pose import GeometricPose
from vpr_ros.localization.pose_fusion import UncertainPose, fused_pose
from vpr_ros.localization.rejection import Contradicted, Improbable, Rejection, Unproved
from vpr_ros.localization.result import Localization
from vpr_ros.maps.calibration import Calibration

Float = npt.NDArray[np.float64]
_Estimate = tuple[UncertainPose, GeometricPose | None]

CHANCE: Final = 0.1
"""That a wrong best match lies where another camera's wrong one does: they share the light and the look-alikes."""
INDEPENDENT: Final = 0.5
"""Share of what a second camera says that the first has not said already."""
MOST_SUPPORT: Final = math.log(20.0)
"""Log-odds that all agreeing cameras together may add: what fools one may fool all of them."""
LEAST_PROBABILITY: Final = 1e-6
"""No camera is surer than this, for or against."""


@dataclass(frozen=True)
class RigConfig:
    """Which images are answered together."""

    max_stamp_difference_ms: float = option(
        50.0,
        "images of several cameras that were taken within this of each other are answered together, where it is known "
        "where their cameras sit on the base; an answer waits no longer than this for one of them. 0: each camera "
        "answers alone",
        unit="ms",
        minimum=0.0,
        maximum=1000.0,
        when="Half the cameras' period where nothing triggers them together; less on a fast robot, which moves "
        "meanwhile.",
        heading="Several cameras",
    )

    def __post_init__(self) -> None:
        """Refuse values outside their bounds.

        Raises:
            ConfigError: see ``Option.checked``.
        """
        check_options(self)


def fuse(
    answers: Sequence[Localization], config: LocalizerConfig, calibration: Calibration, *, by_sequence: bool = False
) -> Localization:
    """One answer from those of the cameras of a rig to images of the same time.

    Every candidate of every camera is a hypothesis of where the base is. Its log-odds are those of its own camera,
    plus what each other camera adds that has a candidate there too, less what those say that believe in another
    place. A camera whose answer was refuted, or had no candidate, has no voice.

    Args:
        answers: one at least, each of another camera; one alone is returned as it is.
        config: thresholds, angle and temperature.
        calibration: of the map, with the radius of a place.
        by_sequence: whether one filter over time saw all these images: what they say has been added up already, and
            agreement is not counted again.

    Returns:
        The answer of the camera whose hypothesis is the best, with the pose, the probability and the decision of all,
        and their votes.
    """
    heard = [answer for answer in answers if _has_a_voice(answer)]
    if len(answers) == 1 or not heard:
        return max(answers, key=lambda answer: answer.probability)
    table = _Hypotheses(heard, calibration.radius_m, config.max_angle_rad, 0.0 if by_sequence else MOST_SUPPORT)
    best = int(np.argmax(table.log_odds))
    speaker = heard[table.owner[best]]
    own = table.row_in_answer[best]
    matches = (speaker.matches[own], *speaker.matches[:own], *speaker.matches[own + 1 :])
    votes = table.votes(best)
    agreeing = [answer for answer, vote in zip(heard, votes, strict=True) if vote.agrees or answer is speaker]
    estimates = [_at_the_place(answer, table, best, config, calibration) for answer in agreeing]
    pose, geometric = _fused(estimates)
    probability = float(expit(table.log_odds[best]))
    return replace(
        speaker,
        rejection=_decision(speaker, heard, votes, probability, config),
        T_map_base=pose.T_map_base,
        covariance=pose.covariance,
        orientation_known=pose.orientation_known,
        probability=probability,
        matches=matches,
        timings_ms=_together([answer.timings_ms for answer in answers]),
        geometric=geometric,
        proof=max(answer.proof for answer in agreeing),
        votes=votes,
    )


def _has_a_voice(answer: Localization) -> bool:
    return bool(answer.matches) and (answer.rejection is None or isinstance(answer.rejection, Improbable | Unproved))


class _Hypotheses:
    """M candidates of C cameras, and what each camera says of each.

    Attributes:
        owner: (M,) number of the camera whose candidate it is.
        row_in_answer: (M,) its place among the matches of its camera's answer.
        says: (C, M) log-odds that the camera adds; the camera's own probability where it is its candidate.
        log_odds: (M,) of all cameras.
    """

    def __init__(
        self, answers: Sequence[Localization], radius_m: float, max_angle_rad: float, most_support: float
    ) -> None:
        matches = [match for answer in answers for match in answer.matches]
        self.answers = answers
        self.owner = np.repeat(np.arange(len(answers)), [len(answer.matches) for answer in answers])
        self.row_in_answer = np.concatenate([np.arange(len(answer.matches)) for answer in answers])
        self.position_m = np.array([match.T_map_base.position_m for match in matches])
        self.quat_xyzw = np.array([match.T_map_base.quat_xyzw or (np.nan,) * 4 for match in matches])
        self.same = np.array([self._same_place(row, radius_m, max_angle_rad) for row in range(len(matches))])
        stated = np.array([match.probability for match in matches])
        self._odds = logit(np.clip(stated, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY))
        self.says = np.array([self._says(camera) for camera in range(len(answers))])
        own = self.owner == np.arange(len(answers))[:, None]
        others = np.where(own, 0.0, self.says)
        support = np.minimum(np.maximum(others, 0.0).sum(axis=0), most_support)
        self.log_odds = self._odds + support + np.minimum(others, 0.0).sum(axis=0)

    def _same_place(self, row: int, radius_m: float, max_angle_rad: float) -> npt.NDArray[np.bool_]:
        order = np.concatenate([[row], np.arange(len(self.position_m))])
        here = consistent_with_first(self.position_m[order], self.quat_xyzw[order], radius_m, max_angle_rad)
        return here[1:]

    def _says(self, camera: int) -> Float:
        """(M,) for where it has a candidate, against where it rather believes in another place."""
        own = self.owner == camera
        odds, same = self._odds[own], self.same[:, own]
        here = np.where(same, odds, -np.inf).max(axis=1)
        elsewhere = np.where(same, -np.inf, odds).max(axis=1)
        support = INDEPENDENT * np.maximum(here - math.log(CHANCE), 0.0)
        return np.where(elsewhere > np.maximum(here, 0.0), -elsewhere, support)

    def votes(self, best: int) -> tuple[CameraVote, ...]:
        """What each camera says of hypothesis *best*."""
        found = []
        for camera, answer in enumerate(self.answers):
            first = int(np.flatnonzero(self.owner == camera)[0])
            is_speaker = camera == self.owner[best]
            says = float(self._odds[best] if is_speaker else self.says[camera, best])
            distance_m = float(np.linalg.norm(self.position_m[first] - self.position_m[best]))
            agrees = bool(self.same[best, first]) and (is_speaker or says > 0.0)
            found.append(CameraVote(answer.camera, answer.probability, says, distance_m, agrees))
        return tuple(found)


def _at_the_place(
    answer: Localization, table: _Hypotheses, best: int, config: LocalizerConfig, calibration: Calibration
) -> _Estimate:
    """The pose that *answer* gives: its own where its best match lies there, else that of its matches that do."""
    rows = np.flatnonzero((table.owner == table.answers.index(answer)) & table.same[best])
    if table.row_in_answer[rows[0]] == 0 and answer.T_map_base is not None and answer.covariance is not None:
        return UncertainPose(answer.T_map_base, answer.covariance, answer.orientation_known), answer.geometric
    rows = np.concatenate([rows[rows == best], rows[rows != best]])
    here = [answer.matches[row] for row in table.row_in_answer[rows]]
    candidates = Candidates(
        np.array([match.frame_index for match in here], dtype=np.int64),
        np.array([match.similarity for match in here]),
        table.position_m[rows],
        table.quat_xyzw[rows],
    )
    estimate = estimate_pose(candidates, config, calibration)
    return UncertainPose(estimate.T_map_base, estimate.covariance, estimate.orientation_known), None


def _fused(
    estimates: Sequence[tuple[UncertainPose, GeometricPose | None]],
) -> _Estimate:
    """From the geometric ones alone where there is one; with the surest of these."""
    geometric = [(pose, source) for pose, source in estimates if source is not None]
    if not geometric:
        return fused_pose([pose for pose, _ in estimates]), None
    surest = min(geometric, key=lambda known: float(np.trace(known[0].covariance[:3, :3])))
    return fused_pose([pose for pose, _ in geometric]), surest[1]


def _decision(
    speaker: Localization,
    heard: Sequence[Localization],
    votes: Sequence[CameraVote],
    probability: float,
    config: LocalizerConfig,
) -> Rejection | None:
    """By the promise in force, which one camera alone must fulfil, for those of one rig are deceived together."""
    others = [vote for vote in votes if vote.camera != speaker.camera]
    against = [vote for vote in others if vote.log_odds < 0.0]
    contradicted = Contradicted(speaker.camera, tuple(vote.camera for vote in against or others), probability)
    promise, posed = speaker.promise, False
    if promise is not None:
        here = [answer for answer, vote in zip(heard, votes, strict=True) if vote.agrees or answer is speaker]
        proved = max(here, key=lambda answer: answer.proof)
        if proved.proof < promise.least_proof and not any(answer.accepted for answer in here):
            return Unproved(speaker.matches[0].similarity, probability, proved.inliers, proved.proof, promise)
        if any(answer.accepted and vote in against for answer, vote in zip(heard, votes, strict=True)):
            return contradicted
        posed = any(answer.geometric is not None for answer in here)
    if probability >= least_probability(config, promised=promise is not None, posed=posed):
        return None
    if isinstance(speaker.rejection, Improbable) and not against:
        return replace(speaker.rejection, probability=probability)
    return contradicted


def _together(timings_ms: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Each stage, summed over the cameras."""
    total: dict[str, float] = {}
    for timings in timings_ms:
        for stage, value_ms in timings.items():
            total[stage] = total.get(stage, 0.0) + value_ms
    return total
