# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pose and covariance of the candidates that agree."""

from __future__ import annotations

import numpy as np
import pytest
from some_candidates import calibration, candidates, residuals

from vpr_ros.core.frames import PositionSigma
from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.localization import LocalizerConfig
from vpr_ros.localization.estimate import LEAST_SURE, best_estimate, estimate_pose
from vpr_ros.localization.geometric_pose import GeometricPose
from vpr_ros.localization.stated_covariance import SHIFT_ASIDE
from vpr_ros.localization.verify import Verification
from vpr_ros.maps.residuals import Residual, Residuals

CONFIG = LocalizerConfig()


def test_equal_candidates_meet_in_the_middle() -> None:
    found = candidates([0.8, 0.8], [(0, 0), (1, 0)], [0.0, 0.2])
    result = estimate_pose(found, CONFIG, calibration())
    assert result.orientation_known
    assert result.T_map_base.distance_m(Pose((0.5, 0.0, 0.0))) < 1e-9
    assert result.T_map_base.angle_rad(Pose.from_xy_yaw(0, 0, 0.1)) < 1e-9
    expected = [0.25 + 0.04, 0.04, 0.01, 0.0004, 0.0004, 0.01 + 0.0025]  # spread and the residuals of the map
    np.testing.assert_allclose(np.diag(result.covariance), expected, atol=1e-9)


def test_the_more_similar_weighs_more() -> None:
    found = candidates([0.8, 0.75], [(0, 0), (1, 0)], [0.0, 0.0])
    x_m = estimate_pose(found, CONFIG, calibration()).T_map_base.position_m[0]
    assert x_m == pytest.approx(1 / (1 + np.e))  # one temperature apart


def test_headings_are_averaged_across_the_turn_of_the_circle() -> None:
    found = candidates([0.8, 0.8], [(0, 0), (0, 0)], [np.pi - 0.1, -np.pi + 0.1])
    assert estimate_pose(found, CONFIG, calibration()).T_map_base.angle_rad(Pose.from_xy_yaw(0, 0, np.pi)) < 1e-9


@pytest.mark.parametrize(
    ("xy_m", "yaw_rad"),
    [((2.01, 0.0), 0.0), ((100.0, 50.0), 0.0), ((0.1, 0.0), 1.1), ((0.1, 0.0), np.pi)],
)
def test_a_candidate_elsewhere_or_turned_away_does_not_join(xy_m: tuple[float, float], yaw_rad: float) -> None:
    alone = estimate_pose(candidates([0.8], [(0, 0)], [0.0]), CONFIG, calibration())
    joined = estimate_pose(candidates([0.8, 0.8], [(0, 0), xy_m], [0.0, yaw_rad]), CONFIG, calibration())
    assert joined.T_map_base == alone.T_map_base
    np.testing.assert_array_equal(joined.covariance, alone.covariance)


def test_the_users_radius_overrides_the_maps() -> None:
    found = candidates([0.8, 0.8], [(0, 0), (3, 0)], [0.0, 0.0])
    assert estimate_pose(found, CONFIG, calibration()).T_map_base.position_m[0] == 0
    wide = estimate_pose(found, LocalizerConfig(pose_radius_m=4.0), calibration())
    assert wide.T_map_base.position_m[0] == pytest.approx(1.5)


def test_one_candidate_of_a_faultless_map_is_still_uncertain() -> None:
    sure = calibration(residuals(0.0, 0.0, 0.0, 0.0))
    covariance = estimate_pose(candidates([1.0], [(0, 0)], [0.0]), CONFIG, sure).covariance
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), [0.01] * 3 + [0.005] * 3)


@pytest.mark.parametrize("seed", range(5))
def test_the_covariance_is_symmetric_and_positive_definite(seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy_m = [(float(x), float(y)) for x, y in rng.uniform(-1, 1, (12, 2))]
    found = candidates(sorted(rng.random(12), reverse=True), xy_m, rng.uniform(-0.8, 0.8, 12).tolist())
    covariance = estimate_pose(found, CONFIG, calibration(residuals(0.0, 0.0, 0.0, 0.0))).covariance
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 1e-6


def test_a_less_similar_answer_is_less_certain() -> None:
    grows = Residual(sigma=0.2, growth=np.log(4.0) / 0.2, least=0.1, most=1.0)
    known = calibration(Residuals(0.6, grows, Residual.constant(0.1), Residual.constant(0.02), Residual.constant(0.05)))
    covariances = [
        estimate_pose(candidates([similarity], [(0, 0)], [0.0]), CONFIG, known).covariance
        for similarity in (0.9, 0.6, 0.4, 0.1)
    ]
    np.testing.assert_allclose([np.sqrt(c[0, 0]) for c in covariances], [0.1, 0.2, 0.8, 1.0])
    np.testing.assert_allclose([c[2, 2] for c in covariances], 0.01)


def test_an_unknown_heading_is_said_to_be_unknown() -> None:
    result = estimate_pose(candidates([0.8, 0.8], [(0, 0), (1, 0)], [None, None]), CONFIG, calibration())
    assert not result.orientation_known
    assert result.T_map_base == Pose((0.5, 0.0, 0.0), IDENTITY_QUAT_XYZW)
    np.testing.assert_allclose(result.covariance[3:, 3:], np.eye(3) * np.pi**2)
    assert result.covariance[0, 0] == pytest.approx(0.29)


def test_one_known_heading_is_enough() -> None:
    result = estimate_pose(candidates([0.8, 0.8], [(0, 0), (1, 0)], [None, 0.7]), CONFIG, calibration())
    assert result.orientation_known
    assert result.T_map_base.angle_rad(Pose.from_xy_yaw(0, 0, 0.7)) < 1e-9


@pytest.mark.parametrize(("shift_m", "is_used"), [(0.0, True), (1.0, True), (2.0, False), (np.nan, False)])
def test_a_geometric_pose_that_hangs_on_the_focal_length_says_so_or_is_not_used(shift_m: float, is_used: bool) -> None:
    found = candidates([0.8], [(0, 0)], [0.0])
    retrieved_m = np.sqrt(np.trace(estimate_pose(found, CONFIG, calibration()).covariance[:3, :3]))
    assert 1.0 < LEAST_SURE * retrieved_m < 2.0
    shift = np.array([shift_m, *[0.0] * 5])
    pose = GeometricPose(Pose((0.1, 0.0, 0.0)), np.eye(6) * 1e-8, 100, 1.0, 5.0, shift)
    verification = Verification(found, np.arange(1), (None,), pose)
    estimate = best_estimate(verification, CONFIG, calibration())
    assert (estimate.geometric is not None) is is_used
    if is_used:
        assert np.sqrt(estimate.covariance[0, 0]) == pytest.approx(
            np.hypot(0.01, shift_m * np.sqrt(1 + SHIFT_ASIDE)), rel=0.01
        )


@pytest.mark.parametrize("geometric", [True, False])
def test_the_noise_of_the_map_is_in_every_answer_once(geometric: bool) -> None:
    pose = GeometricPose(Pose((0.1, 0.0, 0.0)), np.eye(6) * 1e-8, 100, 1.0, 5.0) if geometric else None
    verification = Verification(candidates([0.8, 0.7], [(0, 0), (1, 0)], [0.0, 0.0]), np.arange(2), (None, None), pose)
    exact = best_estimate(verification, CONFIG, calibration())
    noisy = best_estimate(verification, CONFIG, calibration(), PositionSigma(2.0, 3.0))
    added = np.diag(noisy.covariance - exact.covariance)
    np.testing.assert_allclose(added, [4.0, 4.0, 9.0, 0.0, 0.0, 0.0], atol=1e-12)
    assert (noisy.geometric is not None) is geometric


def test_where_the_map_knows_the_drop_it_is_that_of_all_candidates_and_the_spread_is_in_it() -> None:
    grows, constant = Residual(0.2, 1.0, 0.0, 10.0), Residual.constant(0.1)
    known = calibration(Residuals(0.6, grows, constant, constant, constant, log_drop=float(np.log(0.1))))
    standing = candidates([0.8, 0.7], [(0, 0), (1, 0)], [0.0, 0.0])
    alone = estimate_pose(standing, CONFIG, known).covariance
    assert alone[0, 0] == pytest.approx(0.2**2) and alone[1, 1] == pytest.approx(0.2**2)
    steeper = estimate_pose(standing, CONFIG, known, np.array([0.8, 0.7, 0.5])).covariance  # a refuted one, too
    assert steeper[0, 0] == pytest.approx(0.1**2)
