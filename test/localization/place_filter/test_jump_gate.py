# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An accepted pose that odometry makes impossible waits until others agree with it."""

from __future__ import annotations

from vpr_ros.core.pose import Pose
from vpr_ros.localization.place_filter.jump_gate import JumpGate
from vpr_ros.localization.place_filter.motion import Motion


def drives(metres: float) -> Motion:
    return Motion(1.0, Pose((metres, 0.0, 0.0)), metres, 0.1 * metres)


def at(along_m: float) -> Pose:
    return Pose((along_m, 0.0, 0.0))


def test_a_pose_on_the_way_passes_and_one_elsewhere_waits_for_two_that_agree() -> None:
    gate = JumpGate(radius_m=3.0)
    assert gate.check(at(0.0), 0.9) is None
    gate.move(drives(10.0))
    assert gate.check(at(14.0), 0.9) is None
    gate.move(drives(10.0))
    refused = gate.check(at(90.0), 0.9)
    assert refused is not None and refused.distance_m == 66.0 and 6.0 < refused.allowed_m < 9.0
    gate.move(drives(10.0))
    assert gate.check(at(200.0), 0.9) is not None  # agrees with neither
    gate.move(drives(10.0))
    assert gate.check(at(210.0), 0.9) is None  # agrees with the one before
    gate.move(drives(10.0))
    assert gate.check(at(220.0), 0.1) is None


def test_drift_makes_more_possible() -> None:
    gate = JumpGate(radius_m=3.0)
    gate.check(at(0.0), 0.9)
    for _ in range(100):
        gate.move(drives(10.0))
    assert gate.check(at(1020.0), 0.9) is None


def test_where_nobody_measured_the_way_everything_is_possible_but_little_is_backed() -> None:
    gate = JumpGate(radius_m=3.0)
    assert not gate.backs(at(0.0))
    gate.check(at(0.0), 0.9)
    assert gate.backs(at(500.0))  # odometry would refuse it
    gate.move(Motion(1.0, None, 10.0, 10.0, "no odometry"))
    assert gate.backs(at(15.0)) and not gate.backs(at(17.0))
    assert gate.check(at(500.0), 0.1) is None


def test_an_open_gate_remembers_all_the_same() -> None:
    gate = JumpGate(radius_m=3.0)
    assert gate.check(at(0.0), 0.9, always=True) is None
    assert gate.check(at(500.0), 0.1, always=True) is None
    gate.forget()
    assert not gate.backs(at(500.0))
