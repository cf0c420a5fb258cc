# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Errors of poses and the honesty of their covariances."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.core.pose import FloatArray, Pose
from vpr_ros.evaluation.consistency import position_nees, summarise_nees, yaw_nees
from vpr_ros.evaluation.latency import latency_quantiles_ms
from vpr_ros.evaluation.pose_error import pose_errors, summarise_pose_errors


def test_errors_and_shares_by_hand() -> None:
    truth = Pose.from_xy_yaw(1.0, 2.0, 0.5)
    estimates = [
        Pose.from_xy_yaw(1.2, 2.0, 0.5),
        Pose.from_xy_yaw(1.0, 2.4, 0.5 + np.deg2rad(4.0)),
        Pose.from_xy_yaw(1.0, 2.0, 0.5 + np.deg2rad(90.0)),
        Pose((1.0, 2.0, 0.0), None),
        None,
    ]
    errors = pose_errors(estimates, [truth] * 5)
    np.testing.assert_allclose(errors.translation_m, [0.2, 0.4, 0.0, 0.0, np.nan])
    np.testing.assert_allclose(np.rad2deg(errors.rotation_rad), [0, 4, 90, np.nan, np.nan], atol=1e-6)
    summary = summarise_pose_errors(errors)
    assert (summary.count, summary.count_with_rotation) == (4, 3)
    assert summary.translation_m["median"] == pytest.approx(0.1)
    assert summary.rotation_deg["median"] == pytest.approx(4.0)
    assert summary.rotation_deg["p90"] == pytest.approx(72.8)
    assert summary.within_percent == {
        "0.25m_2deg": pytest.approx(100 / 3),
        "0.25m_5deg": pytest.approx(100 / 3),
        "0.5m_5deg": pytest.approx(200 / 3),
        "5m_10deg": pytest.approx(200 / 3),
    }
    assert summary.within_percent_of_all == {
        "0.25m_2deg": pytest.approx(20.0),
        "0.25m_5deg": pytest.approx(20.0),
        "0.5m_5deg": pytest.approx(40.0),
        "5m_10deg": pytest.approx(40.0),
    }


def test_positions_alone_give_no_share_that_needs_a_heading() -> None:
    summary = summarise_pose_errors(pose_errors([Pose((0.0, 0.0, 0.0), None)], [Pose((3.0, 4.0, 0.0))]))
    assert summary.translation_m == {"median": 5.0, "p90": 5.0}
    assert summary.rotation_deg == {"median": None, "p90": None}
    assert set(summary.within_percent.values()) == {None}


def test_nothing_known() -> None:
    summary = summarise_pose_errors(pose_errors([None], [None]))
    assert (summary.count, summary.translation_m) == (0, {"median": None, "p90": None})


def nees_of_noise(claimed_sigma_m: float) -> FloatArray:
    rng = np.random.default_rng(5)
    noise = rng.normal(0.0, 0.5, (4000, 2))
    estimates = [Pose((float(x), float(y), 0.0)) for x, y in noise]
    covariance = np.diag([claimed_sigma_m**2] * 2 + [0.0] * 4)
    return position_nees(estimates, [covariance] * 4000, [Pose((0.0, 0.0, 0.0))] * 4000)


def test_nees_tells_consistent_from_overconfident() -> None:
    honest = summarise_nees(nees_of_noise(0.5), 2)
    boastful = summarise_nees(nees_of_noise(0.25), 2)
    assert honest is not None
    assert boastful is not None
    assert honest.mean == pytest.approx(2.0, rel=0.05)
    assert honest.within_95_percent == pytest.approx(95.0, abs=1.0)
    assert boastful.mean == pytest.approx(8.0, rel=0.05)
    assert boastful.within_95_percent < 60.0


def test_claimed_certainty_is_infinitely_inconsistent() -> None:
    nees = position_nees([Pose((1.0, 0.0, 0.0))], [np.zeros((6, 6))], [Pose((0.0, 0.0, 0.0))])
    assert nees.tolist() == [np.inf]
    assert summarise_nees(np.array([]), 2) is None


def test_latency_per_stage_and_total() -> None:
    rows = [{"infer": float(i), "search": 1.0} for i in range(101)]
    found = latency_quantiles_ms([*rows, {"infer": 50.0}])
    assert list(found) == ["infer", "search", "total"]
    assert found["infer"]["p50"] == pytest.approx(50.0)
    assert found["search"] == {"p50": 1.0, "p95": 1.0}
    assert found["total"]["p95"] == pytest.approx(96.0, abs=0.5)
    assert latency_quantiles_ms([]) == {}


def test_headings_are_judged_by_their_own_variance() -> None:
    covariance = np.diag([1.0] * 5 + [0.01])
    truths = [Pose.from_xy_yaw(0.0, 0.0, np.pi - 0.1), Pose.from_xy_yaw(0.0, 0.0, 0.0), Pose((0.0, 0.0, 0.0), None)]
    estimates = [Pose.from_xy_yaw(0.0, 0.0, -np.pi + 0.1), Pose((0.0, 0.0, 0.0), None), Pose.from_xy_yaw(0.0, 0.0, 1.0)]
    np.testing.assert_allclose(yaw_nees(estimates, [covariance] * 3, truths), [0.2**2 / 0.01])
