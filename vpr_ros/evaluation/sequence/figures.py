# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The filter beside the image alone, plain averaging and SeqSLAM: what each would answer at which precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vpr_ros.core.pose import FloatArray
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.evaluation.positives import BoolArray
from vpr_ros.evaluation.precision_recall import precision_recall
from vpr_ros.evaluation.sequence.along_track import SequenceMatches, Track, averaged, seqslam
from vpr_ros.evaluation.sequence.drive import Drive
from vpr_ros.localization.rejection import Rejection, RejectionType
from vpr_ros.localization.result import SequenceAnswer
from vpr_ros.maps import PlaceMap

WHATEVER_ITS_PROBABILITY: Final = (RejectionType.REFUTED, RejectionType.JUMP)


@dataclass(frozen=True, eq=False)
class _Answers:
    """What one method answers.

    Attributes:
        score: (Q,) larger is surer.
        right: (Q,) whether its best place is.
        accepted: (Q,) what it would publish; where it has no rule of its own, at the score above every wrong one.
    """

    score: FloatArray
    right: BoolArray
    accepted: BoolArray


def sequence_figures(outcomes: Outcomes, drive: Drive, place_map: PlaceMap) -> dict[str, Any]:
    """Everything that ``metrics.json`` has under ``sequence``."""
    answerable = outcomes.positives.answerable
    carried = [k for k in drive.carried(outcomes.truths, 2.0 * place_map.manifest.calibration.radius_m)
               if answerable[k] and answerable[k - 1]]  # fmt: skip
    stamps_ns = np.array(drive.stamps_ns)
    methods = {name: _figures(found, answerable, carried, stamps_ns)
               for name, found in _methods(outcomes, drive, place_map).items()}  # fmt: skip
    return {
        "images": len(outcomes),
        "on_map": int(answerable.sum()),
        "odometry": drive.has_odometry,
        "kidnappings": len(carried),
        "methods": methods,
    }


def _methods(outcomes: Outcomes, drive: Drive, place_map: PlaceMap) -> dict[str, _Answers]:
    sequences = [row.answer.sequence for row in outcomes.rows]
    frames, descriptors = place_map.frames, np.asarray(place_map.descriptors, dtype=np.float32)
    similarities = (drive.descriptors @ descriptors.T).astype(np.float64)
    track = Track.of(frames.session, frames.stamp_ns, frames.position_m)
    rivals = {"averaging": averaged, "seqslam": seqslam}
    return {
        "image_alone": _alone(outcomes, sequences),
        "filter": _filter(outcomes),
        **{name: _rival(match(similarities, drive.travelled_m, track), outcomes) for name, match in rivals.items()},
    }


def _filter(outcomes: Outcomes) -> _Answers:
    rejections = [row.answer.rejection for row in outcomes.rows]
    return _Answers(_unless_refused(outcomes.probability, rejections), outcomes.right, outcomes.accepted)


def _alone(outcomes: Outcomes, sequences: list[SequenceAnswer | None]) -> _Answers:
    frame = np.array([[-1 if found is None else found.alone_frame] for found in sequences])
    score = np.array([np.nan if found is None else found.alone_probability for found in sequences])
    rejections = [None if found is None else found.alone_rejection for found in sequences]
    accepted = np.array([found is not None and found.alone_rejection is None for found in sequences], dtype=np.bool_)
    return _Answers(_unless_refused(score, rejections), outcomes.positives.correct(frame)[:, 0], accepted)


def _unless_refused(score: FloatArray, rejections: list[Rejection | None]) -> FloatArray:
    """NaN for answers that no threshold of the probability lets through."""
    refused = [rejection is not None and rejection.type in WHATEVER_ITS_PROBABILITY for rejection in rejections]
    return np.where(refused, np.nan, score)


def _rival(found: SequenceMatches, outcomes: Outcomes) -> _Answers:
    right = outcomes.positives.correct(found.frame[:, None])[:, 0]
    highest = found.score[~right].max() if not right.all() else -np.inf
    return _Answers(found.score, right, found.score > highest)


def _figures(found: _Answers, answerable: BoolArray, carried: list[int], stamps_ns: Any) -> dict[str, Any]:
    count, on_map = int(found.accepted.sum()), int(answerable.sum())
    true = int((found.accepted & found.right).sum())
    curve = precision_recall(found.score, found.right, on_map)
    return {
        "best_right": int(found.right.sum()),
        "accepted": count,
        "wrong": count - true,
        "accepted_off_map": int((found.accepted & ~answerable).sum()),
        "share_of_on_map": 100.0 * true / on_map if on_map else None,
        "recall_at_100_precision": 100.0 * curve.recall_at_100_precision,
        "recovered_s": [_recovered_s(found.accepted & found.right, number, stamps_ns) for number in carried],
    }


def _recovered_s(published: BoolArray, number: int, stamps_ns: Any) -> float | None:
    """From a kidnapping to the next right answer; None where none came."""
    later = np.flatnonzero(published[number:])
    return float(stamps_ns[number + later[0]] - stamps_ns[number]) / NS_PER_S if len(later) else None
