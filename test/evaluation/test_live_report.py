# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Numbers and picture of a live run from what was heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.answer_kind import AnswerKind
from vpr_ros.evaluation.live_report import LiveAnswer, LiveLog, answer_kinds, summary_lines, write_picture
from vpr_ros.evaluation.metrics import compute_metrics
from vpr_ros.evaluation.outcome import Outcomes, QueryOutcome
from vpr_ros.evaluation.positives_by_distance import PoseThreshold, positives_by_distance
from vpr_ros.evaluation.summary import summary_tables
from vpr_ros.localization import Localization
from vpr_ros.localization.rejection import Dissimilar, NoCandidate
from vpr_ros.localization.result import Match

FIVE_METRES = PoseThreshold(5.0)


def at(x_m: float, y_m: float = 0.0) -> Pose:
    return Pose.from_xy_yaw(x_m, y_m, 0.0)


@pytest.fixture
def log() -> LiveLog:
    """Five images: four answered, three of them rightly; the poses of two are published, 1 m and 9 m off."""
    log = LiveLog(truth={k: at(10.0 * k) for k in range(5)}, map_xy_m=np.array([[0.0, 0.0], [40.0, 0.0]]))
    log.best_match = {0: at(1.0), 1: at(10.0, 2.0), 2: at(20.0), 3: at(90.0), 77: at(0.0)}
    log.published = {0: LiveAnswer(at(1.0), np.eye(6)), 1: LiveAnswer(at(10.0, 9.0), np.eye(6))}
    log.latency_ms = {0: 10.0, 1: 30.0}
    return log


def test_answers_are_counted_beside_the_truth_of_their_own_image(log: LiveLog) -> None:
    assert summary_lines(log, FIVE_METRES) == [
        "images answered    4 of 5 played",
        "recall@1           75.0 % (95 % interval 19.4 to 99.4)",
        "accepted           2, 0 of them wrong; rejected 2",
        "near misses        0 of 2: 0.0 % (0.0 to 84.2), within 10 m",
        "wrong places       0 of 2: 0.0 % (0.0 to 84.2), farther away",
        "right ones kept    2 of 3: 66.7 % (9.4 to 99.2)",
        "right means        the best match is correct: a map frame within 5 m",
        "position error     median 5.00 m, p90 8.20 m, of what was accepted",
        "image to answer    p50 20 ms, p95 29 ms",
    ]


def test_types_of_rejection_are_shown_where_the_node_told_them(log: LiveLog) -> None:
    log.rejected = {"no_candidate": 1, "refuted": 0, "improbable": 12}
    lines = summary_lines(log, FIVE_METRES)
    assert lines[6] == "rejected by type   no_candidate 1, improbable 12, as the node counts since it was activated"


def test_images_are_counted_by_what_the_node_said_of_each(log: LiveLog) -> None:
    log.decisions = {"improbable": 2, "accepted": 12, "failed image_unreadable": 1}
    assert "images by status   accepted 12, failed image_unreadable 1, improbable 2" in summary_lines(log, FIVE_METRES)


def test_the_threshold_decides(log: LiveLog) -> None:
    lines = summary_lines(log, PoseThreshold(1.5))
    assert "recall@1           50.0 % (95 % interval 6.8 to 93.2)" in lines
    assert "accepted           2, 1 of them wrong; rejected 2" in lines
    assert "near misses        1 of 2: 50.0 % (1.3 to 98.7), within 3 m" in lines  # 2 m off
    lines = summary_lines(log, PoseThreshold(0.9))
    assert "wrong places       1 of 2: 50.0 % (1.3 to 98.7), farther away" in lines


def test_an_image_that_matched_nothing_is_a_miss(log: LiveLog) -> None:
    log.best_match[4] = None
    assert summary_lines(log, FIVE_METRES)[:2] == [
        "images answered    5 of 5 played",
        "recall@1           60.0 % (95 % interval 14.7 to 94.7)",
    ]


def test_live_and_offline_report_call_the_same_answers_right() -> None:
    """One drive, told to both: poses on either side of the threshold, whatever the best match is."""
    map_x_m = (0.0, 8.0, 40.0)
    drive = (  # true x, map frame that matched best, published x or None where it was rejected
        (1.0, 0, 1.5),
        (3.0, 1, 6.0),  # 5.0 m off: still right
        (2.999, 1, 4.0),  # 5.001 m off: wrong, though the pose is 1 m off
        (7.0, 1, 14.0),  # right, though the pose is 7 m off
        (20.0, 2, 36.0),
        (39.0, 2, None),
        (60.0, 2, None),
        (50.0, None, None),
    )
    log = LiveLog(map_xy_m=np.array([[x_m, 0.0] for x_m in map_x_m]))
    rows = []
    for stamp, (true_x_m, frame, published_x_m) in enumerate(drive):
        log.truth[stamp] = at(true_x_m)
        log.best_match[stamp] = None if frame is None else at(map_x_m[frame])
        estimate = None if published_x_m is None else at(published_x_m)
        if estimate is not None:
            log.published[stamp] = LiveAnswer(estimate, np.eye(6))
        matches = () if frame is None else (Match(frame, 0.9, 0.8, at(map_x_m[frame]), str(frame), "camera"),)
        rejection = None if estimate is not None else Dissimilar(0.9, 0.95, 0.8) if matches else NoCandidate(None)
        answer = Localization(stamp, "camera", rejection, estimate, np.eye(6), 0.8, matches)
        rows.append(QueryOutcome(str(stamp), at(true_x_m), answer, 0.0))
    positives = positives_by_distance(
        np.array([at(x_m).position_m for x_m in map_x_m]),
        np.array([at(x_m).position_m for x_m, *_ in drive]),
        FIVE_METRES,
    )
    outcomes = Outcomes(rows, positives)
    assert tuple(answer_kinds(log, FIVE_METRES).values()) == outcomes.kinds
    assert [kind is AnswerKind.RIGHT for kind in outcomes.kinds] == outcomes.right.tolist()
    assert outcomes.right.tolist() == [True, True, False, True, False, True, False, False]
    metrics = compute_metrics(outcomes)
    live = summary_lines(log, FIVE_METRES)
    assert f"recall@1           {metrics['recall_at']['1']:.1f} % (95 % interval 15.7 to 84.3)" in live
    assert metrics["recall_at_interval"]["1"] == pytest.approx([15.7, 84.3], abs=0.05)
    assert "accepted           5, 2 of them wrong; rejected 3" in live
    accepted = metrics["accepted"]
    assert (accepted["count"], accepted["wrong"]) == (5, 2)
    assert (accepted["right"], accepted["near_misses"], accepted["wrong_places"]) == (3, 1, 1)
    assert accepted["wrong_place_rate"] == 20.0
    assert accepted["wrong_place_rate_interval"] == pytest.approx([0.5, 71.6], abs=0.05)
    assert (accepted["right_best_matches"], accepted["right_kept"]) == (4, 75.0)
    assert "wrong places       1 of 5: 20.0 % (0.5 to 71.6), farther away" in live
    assert ("wrong places: farther", "1 of 5: 20.0 % (0.5 to 71.6)") in summary_tables(metrics)[1].rows
    assert metrics["rejected"] == {"dissimilar": 2, "no_candidate": 1}
    assert metrics["rejections"] == [
        {"type": "dissimilar", "reason": "similarity too low", "count": 2},
        {"type": "no_candidate", "reason": "no candidate", "count": 1},
    ]
    assert ("accepted", "5 of 8, 2 of them wrong") in summary_tables(metrics)[1].rows
    assert metrics["right_means"] in "".join(table.title for table in summary_tables(metrics))
    assert f"right means        {metrics['right_means']}" in live


def test_answers_of_other_images_are_no_answers(log: LiveLog) -> None:
    log.best_match = {77: at(0.0)}
    with pytest.raises(SourceError, match="1 answers and 5 ground truths, none of the same time"):
        summary_lines(log, FIVE_METRES)


def test_the_picture(log: LiveLog, tmp_path: Path) -> None:
    write_picture(log, FIVE_METRES, tmp_path / "live.png")
    assert (tmp_path / "live.png").read_bytes().startswith(b"\x89PNG")
