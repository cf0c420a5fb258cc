# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A camera that does not sit where it is said to is found, named, and taken back when it agrees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rig_answers import answer

from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.localization.rig_mounts import ANSWERS, MountCheck

RIGHT = Pose.from_xy_yaw(0.0, 0.0, 0.0)
TURNED = Pose.from_xy_yaw(0.2, 0.0, math.radians(90.0))


def drive(check: MountCheck, errors: dict[str, Pose], answers: int = ANSWERS, noise_m: float = 0.1) -> None:
    """Round a corner; each camera's pose is off by its error, seen from the base."""
    rng = np.random.default_rng(5)
    for step in range(answers):
        truth = Pose.from_xy_yaw(2.0 * step, 0.3 * step, 0.2 * step)
        said: list[Localization] = []
        for camera, error in errors.items():
            x_m, y_m = rng.normal(scale=noise_m, size=2)
            pose = truth.compose(error).compose(Pose.from_xy_yaw(x_m, y_m, 0.0))
            said.append(answer(camera, [(0.9, pose)], sigma_m=max(0.1, noise_m)))
        check.add(said)


def test_one_of_three_that_contradicts_the_others_is_named_with_the_difference() -> None:
    check = MountCheck()
    drive(check, {"front": TURNED, "left": RIGHT, "rear": RIGHT})
    assert set(check.contradictions) == {"front"}
    found = check.contradictions["front"]
    assert math.degrees(found.angle_rad) == pytest.approx(90.0, abs=3.0)
    assert found.answers == ANSWERS


def test_of_two_the_one_named_later_is_doubted_and_comes_back_when_it_agrees() -> None:
    check = MountCheck()
    drive(check, {"front": RIGHT, "rear": TURNED})
    assert set(check.contradictions) == {"rear"}
    assert check.contradictions["rear"].other == "front"
    drive(check, {"front": RIGHT, "rear": RIGHT})
    assert not check.contradictions


def test_right_mounts_few_answers_and_random_places_name_nobody() -> None:
    check = MountCheck()
    drive(check, {"front": RIGHT, "rear": TURNED}, answers=5)
    assert not check.contradictions
    check.forget()
    drive(check, {"front": RIGHT, "rear": RIGHT})
    assert not check.contradictions
    rng = np.random.default_rng(6)
    for _ in range(ANSWERS):
        places = [Pose.from_xy_yaw(*rng.uniform(-50, 50, 3).tolist()) for _ in range(2)]
        check.add([answer(name, [(0.9, pose)]) for name, pose in zip(("front", "rear"), places, strict=True)])
    assert not check.contradictions
