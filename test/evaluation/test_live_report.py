"""Numbers and picture of a live run from what was heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.live_report import LiveAnswer, LiveLog, summary_lines, write_picture


def at(x_m: float, y_m: float = 0.0) -> Pose:
    return Pose.from_xy_yaw(x_m, y_m, 0.0)


@pytest.fixture
def log() -> LiveLog:
    """Five images: four answered, three of them rightly, two published with errors of 1 m and 9 m."""
    log = LiveLog(truth={k: at(10.0 * k) for k in range(5)}, map_xy_m=np.array([[0.0, 0.0], [40.0, 0.0]]))
    log.best_match = {0: at(1.0), 1: at(10.0, 2.0), 2: at(20.0), 3: at(90.0), 77: at(0.0)}
    log.published = {0: LiveAnswer(at(1.0), np.eye(6)), 1: LiveAnswer(at(10.0, 9.0), np.eye(6))}
    log.latency_ms = {0: 10.0, 1: 30.0}
    return log


def test_answers_are_counted_beside_the_truth_of_their_own_image(log: LiveLog) -> None:
    text = "\n".join(summary_lines(log, 5.0))
    assert "images answered    4 of 5 played" in text
    assert "recall@1           75.0 % (within 5 m)" in text
    assert "accepted           2, rejected 2" in text
    assert "median 5.00 m" in text
    assert "50.0 % (within 5 m)" in text


def test_the_radius_decides(log: LiveLog) -> None:
    assert "recall@1           50.0 % (within 1.5 m)" in "\n".join(summary_lines(log, 1.5))


def test_answers_of_other_images_are_no_answers(log: LiveLog) -> None:
    log.best_match = {77: at(0.0)}
    with pytest.raises(SourceError, match="1 answers and 5 ground truths, none of the same time"):
        summary_lines(log, 5.0)


def test_the_picture(log: LiveLog, tmp_path: Path) -> None:
    write_picture(log, 5.0, tmp_path / "live.png")
    assert (tmp_path / "live.png").read_bytes().startswith(b"\x89PNG")
