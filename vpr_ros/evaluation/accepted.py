# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the localizer published: right answers, near misses and wrong places, each with how sure that count is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vpr_ros.evaluation.answer_kind import AnswerKind, count_of
from vpr_ros.evaluation.binomial import percent_interval, share_figures
from vpr_ros.evaluation.outcome import Outcomes


def accepted_figures(outcomes: Outcomes) -> dict[str, Any]:
    """The key ``accepted`` of ``metrics.json``."""
    accepted, right = outcomes.accepted, outcomes.right
    count, true = int(accepted.sum()), int((accepted & right).sum())
    answerable = int(outcomes.positives.answerable.sum())
    kinds = [kind for kind, published in zip(outcomes.kinds, accepted, strict=True) if published]
    return {
        "count": count,
        "wrong": count - true,
        **share_figures("precision", true, count),
        **share_figures("recall", true, answerable),
        "share": 100.0 * count / len(outcomes),
        "share_interval": percent_interval(count, len(outcomes)),
        "wrong_share": 100.0 * (count - true) / len(outcomes),
        "wrong_share_interval": percent_interval(count - true, len(outcomes)),
        **error_figures(kinds),
        "right_best_matches": int(right.sum()),
        **share_figures("right_kept", true, int(right.sum())),
    }


def error_figures(kinds: Sequence[AnswerKind]) -> dict[str, Any]:
    """Counts of accepted answers by kind, and their shares; None where nobody knows how far a wrong one is away."""
    unknown, count = count_of(kinds, AnswerKind.WRONG), len(kinds)
    near, elsewhere = (
        None if unknown else count_of(kinds, kind) for kind in (AnswerKind.NEAR_MISS, AnswerKind.WRONG_PLACE)
    )
    return {
        "right": count_of(kinds, AnswerKind.RIGHT),
        "near_misses": near,
        **share_figures("near_miss_rate", near, count),
        "wrong_places": elsewhere,
        **share_figures("wrong_place_rate", elsewhere, count),
    }
