# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An answer as names and values, for whoever watches one image after the other: see ``~/status`` in docs/interface.md.

A fact that another part of the software learns about an answer is one line here.
"""

from __future__ import annotations

import math

import numpy as np

from vpr_ros.localization.camera_vote import CameraVote
from vpr_ros.localization.result import Localization
from vpr_ros.localization.sentences import vouched_words

ACCEPTED = "accepted"


def decision(answer: Localization) -> str:
    """``accepted``, or the name of the rejection's type."""
    return ACCEPTED if answer.rejection is None else answer.rejection.type.value


def answer_values(answer: Localization) -> dict[str, str]:
    """Every value that *answer* has, in the order in which an operator asks."""
    values = {
        "decision": decision(answer),
        "camera": answer.camera,
        **{f"camera {vote.camera}": _vote_words(vote) for vote in answer.votes},
        "probability": f"{answer.probability:.3f}",
        "pose source": "none" if answer.T_map_base is None else answer.pose_source,
        "inliers": str(answer.inliers),
        "proof [inliers]": f"{answer.proof:.0f}",
        "promise": "none" if answer.promise is None else vouched_words(answer.promise),
    }
    if answer.sequence is not None:
        values["probability off the map"] = f"{answer.sequence.off_map:.3f}"
        values["judged by"] = "the sequence" if answer.sequence.by_sequence else "the image alone"
        values["motion"] = answer.sequence.motion
    if answer.matches:
        values["similarity"] = f"{answer.matches[0].similarity:.3f}"
        values["best match"] = answer.matches[0].name
    if answer.covariance is not None:
        values["sigma position [m]"] = f"{_largest_deviation(answer):.3f}"
        if answer.orientation_known:
            values["sigma heading [deg]"] = f"{math.degrees(math.sqrt(answer.covariance[5, 5])):.2f}"
    return values


def _largest_deviation(answer: Localization) -> float:
    """Along the longest axis of the ellipse of x and y."""
    assert answer.covariance is not None
    return float(np.sqrt(np.linalg.eigvalsh(answer.covariance[:2, :2])[-1]))


def _vote_words(vote: CameraVote) -> str:
    if vote.agrees:
        return f"agrees, probability {vote.probability:.2f}"
    where = "" if vote.distance_m is None else f", best match {vote.distance_m:.1f} m away"
    return f"{'contradicts' if vote.log_odds < 0.0 else 'no say'}, probability {vote.probability:.2f}{where}"
