# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What befalls a drive: it is carried, leaves the map, and meets two streets that look alike."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.simulation.drive import DrivePlan, plan_drive
from vpr_ros.simulation.mishaps import FAR_EAST_M, other_town, plan_moments
from vpr_ros.simulation.town import Town

PLAN = DrivePlan(rate_hz=2.0, distance_m=240.0, jitter_seed=3)


def test_a_drive_that_nothing_befalls_is_the_drive(town: Town) -> None:
    moments = plan_moments(town, None, PLAN)
    assert tuple(moment.truth for moment in moments) == plan_drive(town, PLAN)
    for (_, wheels), (_, truth) in zip((m.driven for m in moments), plan_drive(town, PLAN), strict=True):
        assert wheels.distance_m(truth) < 1e-6


def test_wheels_do_not_notice_that_the_robot_is_carried(town: Town) -> None:
    plan = DrivePlan(rate_hz=2.0, distance_m=240.0, jitter_seed=3, kidnaps=2)
    moments = plan_moments(town, None, plan)
    truth_m = [a.T_map_base.distance_m(b.T_map_base) for a, b in pairwise(moments)]
    wheels_m = [a.T_start_wheels.distance_m(b.T_start_wheels) for a, b in pairwise(moments)]
    carried = [number + 1 for number, step_m in enumerate(truth_m) if step_m > 5.0]
    assert carried == [27, 53]
    assert [wheels_m[number - 1] for number in carried] == [0.0, 0.0]
    assert max(wheels_m) < 3.6


def test_a_detour_comes_back_to_where_it_left_without_a_seam(town: Town) -> None:
    plan = DrivePlan(rate_hz=2.0, distance_m=120.0, jitter_seed=3, detour_m=250.0)
    moments = plan_moments(town, other_town(town, plan), plan)
    away = [number for number, moment in enumerate(moments) if moment.elsewhere]
    assert 200.0 < len(away) * 3.0 < 300.0 and away == list(range(away[0], away[-1] + 1))
    assert all(moments[number].T_map_base.position_m[0] > FAR_EAST_M / 2 for number in away)
    steps_m = [a.T_start_wheels.distance_m(b.T_start_wheels) for a, b in pairwise(moments)]
    assert max(steps_m) < 6.6
    left, back = moments[away[0] - 1], moments[away[-1] + 1]
    assert left.T_start_wheels.distance_m(back.T_start_wheels) == pytest.approx(3.0, abs=0.5)
    assert np.all(np.diff([moment.stamp_ns for moment in moments]) == 500_000_000)
    with pytest.raises(ConfigError, match="kidnaps=-1"):
        DrivePlan(kidnaps=-1)


def test_twin_streets_have_the_same_facades(town: Town) -> None:
    twins = Town(seed=1, twin_streets=True)
    assert town.plan.twins is None and twins.plan.twins is not None
    model, copy = (twins.plan.streets[number] for number in twins.plan.twins)
    assert (model.roadway_m, model.kind) == (copy.roadway_m, copy.kind)
    assert model.length_m == pytest.approx(copy.length_m, rel=0.05)
    seeds = [house.seed for house in twins.houses]
    doubled = {seed for seed in seeds if seeds.count(seed) == 2}
    assert len(doubled) >= 4 and max(map(seeds.count, doubled)) == 2
    for seed in doubled:
        one, other = (house for house in twins.houses if house.seed == seed)
        sides = [np.linalg.norm(np.diff(house.plan_xy, axis=0), axis=1) for house in (one, other)]
        assert sides[0] == pytest.approx(sides[1])
