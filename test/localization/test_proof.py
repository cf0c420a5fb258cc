# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One number for how well an answer is proved."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.core.pose import Pose
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.geometric_pose import GeometricPose
from vpr_ros.localization.match_geometry import MatchGeometry, Verdict
from vpr_ros.localization.proof import proof
from vpr_ros.localization.verify import Verification

Float = npt.NDArray[np.float64]
SIZE_PX = (640, 480)
PIXELS = np.random.default_rng(0).random((80, 2)) * (500.0, 400.0)
ONE = Candidates(np.zeros(1, np.int64), np.ones(1), np.zeros((1, 3)), np.full((1, 4), np.nan))


def posed_by(inliers: int) -> GeometricPose:
    return GeometricPose(Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)), np.eye(6), inliers, 0.5, 5.0)


def verified(mapped_px: Float, *, has_depths: bool = False, pose_sought: bool = False) -> Verification:
    geometry = MatchGeometry(Verdict.VERIFIED, 100, 0.5, PIXELS, mapped_px, (320, 240))
    return Verification(ONE, np.zeros(1, np.int64), (geometry,), has_depths=has_depths, pose_sought=pose_sought)


@pytest.mark.parametrize(
    ("has_depths", "pose_sought", "posed", "worth"),
    [
        (False, False, None, 80),
        (True, True, 60, 80),
        (True, True, 20, 80),
        (True, True, 12, 48),
        (True, True, None, 20),
        (True, False, None, 32),
    ],
)
def test_inliers_that_have_depths_and_fit_no_pose_are_worth_less(
    has_depths: bool, pose_sought: bool, posed: int | None, worth: float
) -> None:
    found = verified(PIXELS / 2, has_depths=has_depths, pose_sought=pose_sought)
    assert proof(found, SIZE_PX, 0.4, None if posed is None else posed_by(posed)) == pytest.approx(worth)


def test_a_mirrored_picture_proves_nothing() -> None:
    mirrored = (PIXELS * (-1.0, 1.0) + (639.0, 0.0)) / 2
    assert proof(verified(mirrored), SIZE_PX, 1.0, None) == 0.0
    assert proof(verified(mirrored), SIZE_PX, 1.0, posed_by(40)) == 80.0  # a pose in metres cannot be mirrored


def test_nobody_looked() -> None:
    assert proof(Verification.none_of(ONE), SIZE_PX, 1.0, None) == 0.0
