# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import pytest

from vpr_ros.core.pose import Pose

pytestmark = pytest.mark.fast


def test_the_pose_between_two_is_the_way_from_one_to_the_other() -> None:
    one, other = Pose((1.0, -2.0, 3.0), (0.1, 0.2, -0.3, 0.9)), Pose((4.0, 5.0, -6.0), (0.5, -0.5, 0.5, 0.5))
    between = one.between(other)
    assert one.compose(between).distance_m(other) < 1e-12 and one.compose(between).angle_rad(other) < 1e-7
    assert between.distance_m(one.inverse().compose(other)) < 1e-12
