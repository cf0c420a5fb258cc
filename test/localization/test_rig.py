# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One answer from several cameras: who agrees is believed more, within bounds, and who contradicts less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rig_answers import answer
from scipy.special import expit, logit
from some_candidates import calibration

from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization, LocalizerConfig
from vpr_ros.localization.geometric_pose import GeometricPose
from vpr_ros.localization.rejection import Contradicted, Improbable, NoCandidate, Refuted, Unproved
from vpr_ros.localization.rig import MOST_SUPPORT, fuse
from vpr_ros.maps.promise import Vouched

HERE, NEAR, AWAY, ELSEWHERE = (Pose.from_xy_yaw(x, 0.0, 0.0) for x in (0.0, 0.4, 40.0, 90.0))
CONFIG = LocalizerConfig(min_probability=0.5)


def fused(*answers: Localization, config: LocalizerConfig = CONFIG) -> Localization:
    return fuse(answers, config, calibration())


def test_cameras_that_agree_are_believed_more_than_either() -> None:
    both = fused(answer("front", [(0.4, HERE)]), answer("rear", [(0.45, NEAR)]))
    assert both.accepted
    assert both.camera == "rear", "the surer one speaks"
    assert both.probability == pytest.approx(expit(logit(0.45) + 0.5 * (logit(0.4) + np.log(10.0))))
    assert [vote.camera for vote in both.votes if vote.agrees] == ["front", "rear"]
    assert both.timings_ms == {"infer": 4.0}


def test_many_that_agree_add_no_more_than_what_may_fool_them_all_allows() -> None:
    crowd = [answer(name, [(0.9, HERE)]) for name in ("front", "left", "right", "rear", "top")]
    assert fused(*crowd).probability == pytest.approx(expit(logit(0.9) + MOST_SUPPORT))


def test_what_a_filter_has_added_up_already_is_not_counted_again() -> None:
    both = [answer("front", [(0.8, HERE)]), answer("rear", [(0.9, NEAR)])]
    fused_once = fuse(both, CONFIG, calibration(), by_sequence=True)
    assert fused_once.probability == pytest.approx(0.9)
    assert all(vote.agrees for vote in fused_once.votes)


def test_one_that_is_sure_of_another_place_speaks_against() -> None:
    contradicted = fused(answer("front", [(0.95, HERE)]), answer("rear", [(0.96, AWAY)]))
    assert contradicted.probability == pytest.approx(expit(logit(0.96) - logit(0.95)))
    strict = fused(
        answer("front", [(0.95, HERE)]), answer("rear", [(0.96, AWAY)]), config=LocalizerConfig(min_probability=0.9)
    )
    assert strict.rejection == Contradicted("rear", ("front",), strict.probability)
    assert strict.votes[0].distance_m == pytest.approx(40.0)


def test_the_same_place_seen_the_wrong_way_round_is_another() -> None:
    turned = Pose.from_xy_yaw(0.0, 0.0, np.pi)
    assert not fused(answer("front", [(0.9, HERE)]), answer("rear", [(0.9, turned)])).votes[1].agrees


def test_one_that_knows_nothing_takes_nothing_away() -> None:
    alone = answer("front", [(0.9, HERE)])
    for silent in (
        answer("rear", [(0.2, AWAY)]),
        answer("rear", [(0.9, AWAY)], rejection=Refuted(10, 3, 15)),
        replace(answer("rear", [(0.1, AWAY)]), matches=(), rejection=NoCandidate(None), T_map_base=None),
    ):
        both = fused(alone, silent)
        assert (both.camera, both.accepted) == ("front", True)
        assert both.probability == pytest.approx(0.9)
        assert both.T_map_base == alone.T_map_base


def test_a_place_that_both_rank_second_wins_over_two_that_contradict() -> None:
    front = answer("front", [(0.45, AWAY), (0.4, HERE)])
    rear = answer("rear", [(0.45, ELSEWHERE), (0.4, NEAR)])
    both = fused(front, rear)
    assert both.accepted
    assert both.matches[0].T_map_base == HERE
    assert len(both.matches) == 2
    assert both.T_map_base is not None
    assert both.T_map_base.distance_m(HERE) < 0.5


def test_improbable_stays_improbable_with_the_probability_of_all() -> None:
    both = fused(answer("front", [(0.1, HERE)]), answer("rear", [(0.2, AWAY)]))
    assert isinstance(both.rejection, Improbable)
    assert both.rejection.probability == both.probability == pytest.approx(0.2)


def test_one_camera_alone_is_itself_and_where_all_are_refuted_so_is_the_rig() -> None:
    alone = answer("front", [(0.7, HERE)])
    assert fused(alone) is alone
    refuted = [answer(name, [(0.9, HERE)], rejection=Refuted(10, 3, 15)) for name in ("front", "rear")]
    assert fused(*refuted).rejection == Refuted(10, 3, 15)


def test_a_geometric_pose_is_taken_alone_and_the_mean_of_two_is_no_surer_than_the_surest() -> None:
    retrieved = answer("front", [(0.9, NEAR)], sigma_m=0.2)
    geometric = replace(
        answer("rear", [(0.9, HERE)], sigma_m=0.05), geometric=GeometricPose(HERE, np.eye(6), 60, 0.4, 5.0)
    )
    both = fused(retrieved, geometric)
    assert both.T_map_base == HERE
    assert both.pose_source == "geometric"
    again = fused(replace(geometric, camera="left"), geometric)
    assert again.covariance is not None and geometric.covariance is not None
    np.testing.assert_allclose(again.covariance, geometric.covariance)


def test_a_promise_is_kept_by_one_camera_alone_and_broken_by_two_that_are_both_proved_elsewhere() -> None:
    promise = Vouched(0.01, 0.01, 60.0, "default")

    def proved(camera: str, pose: Pose, proof: float) -> Localization:
        unproved = None if proof >= 60.0 else Unproved(0.9, 0.9, int(proof), proof, promise)
        return replace(answer(camera, [(0.9, pose)], rejection=unproved), proof=proof, promise=promise)

    weak, strong = proved("front", HERE, 40.0), proved("rear", NEAR, 80.0)
    both = fused(weak, strong)
    assert (both.accepted, both.proof) == (True, 80.0)
    assert isinstance(fused(weak, replace(weak, camera="left")).rejection, Unproved)
    assert isinstance(fused(strong, proved("front", AWAY, 90.0)).rejection, Contradicted)
