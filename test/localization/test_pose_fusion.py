# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The mean of poses whose errors may be the same."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.core.pose import Pose
from vpr_ros.localization.pose_fusion import UncertainPose, fused_pose


def uncertain(x_m: float, yaw_rad: float, deviations: list[float], orientation_known: bool = True) -> UncertainPose:
    return UncertainPose(Pose.from_xy_yaw(x_m, 0.0, yaw_rad), np.diag(np.square(deviations)), orientation_known)


def test_the_mean_of_equally_sure_poses_lies_between_them_and_is_no_surer() -> None:
    sure = [0.1, 0.1, 0.1, 0.02, 0.02, 0.02]
    mean = fused_pose([uncertain(1.0, 0.1, sure), uncertain(1.2, 0.3, sure)])
    assert mean.T_map_base.position_m == pytest.approx((1.1, 0.0, 0.0))
    assert mean.T_map_base.angle_rad(Pose.from_xy_yaw(0.0, 0.0, 0.2)) < 1e-9
    apart = np.square([0.1, 0.0, 0.0, 0.0, 0.0, 0.1])
    np.testing.assert_allclose(np.diag(mean.covariance), np.square(sure) + apart)


def test_the_surer_counts_more_and_none_is_left_behind_in_what_it_alone_knows() -> None:
    along = uncertain(0.0, 0.0, [1.0, 0.1, 0.1, 0.1, 0.1, 0.1])
    across = uncertain(1.0, 0.0, [0.1, 1.0, 0.1, 0.1, 0.1, 0.1])
    mean = fused_pose([along, across])
    assert mean.T_map_base.position_m[0] == pytest.approx(100 / 101)
    without_scatter = mean.covariance[1, 1]
    assert 0.1**2 <= without_scatter < 1.0
    lowest = np.minimum(np.diag(along.covariance), np.diag(across.covariance))
    assert (np.diag(mean.covariance) >= lowest - 1e-12).all()


def test_a_pose_without_orientation_joins_only_its_like() -> None:
    sure = [0.1] * 6
    known, unknown = uncertain(0.0, 0.5, sure), uncertain(1.0, 0.0, sure, orientation_known=False)
    assert fused_pose([unknown, known]) is known
    both = fused_pose([unknown, uncertain(0.0, 0.0, sure, orientation_known=False)])
    assert not both.orientation_known
    assert both.T_map_base.position_m == pytest.approx((0.5, 0.0, 0.0))
    assert both.covariance[5, 5] == pytest.approx(np.pi**2)
