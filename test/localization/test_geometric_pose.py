# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pose and covariance from points of the map, under the noise that the covariance takes for granted and worse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation
from some_scene import FISHEYE, HERE, PINHOLE, cloud, point_matches

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.pose import Pose
from vpr_ros.localization.geometric_pose import (
    FEWEST_INLIERS,
    GeometricPose,
    PointMatches,
    geometric_pose,
    of_the_base,
)
from vpr_ros.localization.stated_covariance import DEVIATION_SCALE, FLOOR_M, FLOOR_RAD, SHIFT_ASIDE

DISTORTED = replace(PINHOLE, distortion=(-0.3, 0.1, 0.001, -0.001))


def error(pose: Pose, truth: Pose) -> npt.NDArray[np.float64]:
    """(6,) position, and the turn about the map's axes."""
    turn = (pose.rotation * truth.rotation.inv()).as_rotvec()
    return np.concatenate([np.subtract(pose.position_m, truth.position_m), turn])


@pytest.mark.parametrize(("intrinsics", "spread"), [(PINHOLE, 1.0), (DISTORTED, 1.0), (FISHEYE, 3.0)])
def test_a_camera_is_found_and_its_covariance_is_that_of_its_errors(
    intrinsics: CameraIntrinsics, spread: float
) -> None:
    nees = []
    for seed in range(60):
        found = geometric_pose(point_matches(cloud(spread=spread), intrinsics=intrinsics, seed=seed), intrinsics)
        assert found is not None and found.inliers > 100 and found.coverage > 0.5
        off = error(found.T_map_camera, HERE)
        assert np.linalg.norm(off[:3]) < 0.05 and np.linalg.norm(off[3:]) < 0.01
        nees.append(off @ np.linalg.solve(found.covariance, off))
    assert 4.8 < np.mean(nees) < 7.5  # 6 is right, and 60 of them stray by 0.45


@pytest.mark.parametrize("intrinsics", [PINHOLE, FISHEYE])
def test_most_matches_may_be_wrong(intrinsics: CameraIntrinsics) -> None:
    for seed in range(10):
        found = geometric_pose(point_matches(cloud(), intrinsics=intrinsics, outliers=0.6, seed=seed), intrinsics)
        assert found is not None
        assert found.T_map_camera.distance_m(HERE) < 0.1 and found.T_map_camera.angle_rad(HERE) < 0.02


def test_the_same_matches_give_the_same_pose() -> None:
    first, again = (geometric_pose(point_matches(cloud(), outliers=0.4), PINHOLE) for _ in range(2))
    assert first is not None and again is not None
    assert first.T_map_camera == again.T_map_camera and (first.covariance == again.covariance).all()


def test_a_wall_is_enough() -> None:
    wall = cloud()
    wall[:, 0] = 5.0 + 0.1 * wall[:, 1]
    found = geometric_pose(point_matches(wall), PINHOLE)
    assert found is not None and found.T_map_camera.distance_m(HERE) < 0.1


def test_a_line_is_not() -> None:
    line = np.array([5.0, 0.0, 1.1]) + np.linspace(-1.5, 1.5, 100)[:, None] * (0.0, 1.0, 0.1)
    assert geometric_pose(point_matches(line, noise_px=0.0), PINHOLE) is None
    found = geometric_pose(point_matches(line), PINHOLE)
    assert found is None or found.deviation_m > 0.5  # and it says so


@pytest.mark.parametrize("count", [0, 2, FEWEST_INLIERS - 1])
def test_few_points_are_not(count: int) -> None:
    some = point_matches(cloud(), noise_px=0.1).taken(np.arange(count))
    assert geometric_pose(some, PINHOLE) is None


def test_matches_that_agree_on_nothing_give_no_pose() -> None:
    assert geometric_pose(point_matches(cloud(), outliers=1.0), PINHOLE) is None


def test_a_mirrored_picture_gives_no_pose() -> None:
    seen = point_matches(cloud())
    mirrored = replace(seen, pixels_px=np.array([639.0, 0.0]) + seen.pixels_px * (-1.0, 1.0))
    assert geometric_pose(mirrored, PINHOLE) is None


def test_points_without_depth_and_pixels_without_ray_are_left_out() -> None:
    seen = point_matches(cloud(), intrinsics=FISHEYE)
    seen.position_m[::2] = np.nan
    seen.pixels_px[1::4] = (1e6, 0.0)
    found = geometric_pose(seen, FISHEYE)
    assert found is not None and found.inliers <= len(seen) / 4 + 1


def test_a_keypoint_that_many_frames_know_counts_once() -> None:
    seen = point_matches(cloud())
    often = PointMatches(*(np.concatenate([part] * 9) for part in (seen.keypoint, seen.pixels_px, seen.position_m)))
    once, many = geometric_pose(seen, PINHOLE), geometric_pose(often, PINHOLE)
    assert once is not None and many is not None
    assert many.inliers == once.inliers
    np.testing.assert_allclose(many.covariance, once.covariance, rtol=0.05)
    assert geometric_pose(often.taken(often.keypoint < FEWEST_INLIERS - 1), PINHOLE) is None


def test_the_gate_follows_the_residuals_of_the_map() -> None:
    seen = point_matches(cloud(), noise_px=3.0)
    wide, narrow = geometric_pose(seen, PINHOLE), geometric_pose(seen, PINHOLE, map_residual_px=0.5)
    assert wide is not None and narrow is not None
    assert wide.inliers > 0.97 * len(seen) and narrow.inliers < 0.8 * len(seen)


def test_a_map_that_was_farther_off_than_stated_widens_all_but_the_shifts() -> None:
    shift = np.array([0.5, *[0.0] * 5])
    pose = GeometricPose(HERE, np.eye(6) * 1e-4, 100, 1.0, 5.0, shift)
    of_shift = replace(pose, covariance=np.zeros((6, 6)), widening=0.0).stated_covariance
    usual, wide = (replace(pose, widening=by).stated_covariance - of_shift for by in (1.0, 3.0))
    np.testing.assert_allclose(wide, 9.0 * usual, atol=1e-12)
    assert of_shift[1, 1] == pytest.approx(SHIFT_ASIDE * 0.25)


def test_the_stated_covariance_is_never_sure() -> None:
    pose = GeometricPose(HERE, np.zeros((6, 6)), 100, 1.0, 5.0)
    np.testing.assert_allclose(np.sqrt(np.diag(pose.stated_covariance)), [FLOOR_M] * 3 + [FLOOR_RAD] * 3)
    wide = replace(pose, covariance=np.eye(6))
    assert wide.stated_covariance[0, 0] > DEVIATION_SCALE**2


@pytest.mark.parametrize(("intrinsics", "spread"), [(PINHOLE, 1.0), (DISTORTED, 1.0), (FISHEYE, 3.0)])
@pytest.mark.parametrize("share", [0.9, 0.97, 1.05, 1.1])
def test_a_focal_length_that_is_not_the_camera_s_is_in_the_stated_covariance(
    intrinsics: CameraIntrinsics, spread: float, share: float
) -> None:
    seen = point_matches(cloud(spread=spread), intrinsics=intrinsics)
    claimed = replace(intrinsics, fx_px=share * intrinsics.fx_px, fy_px=share * intrinsics.fy_px)
    right, wrong = geometric_pose(seen, intrinsics), geometric_pose(seen, claimed)
    assert right is not None and np.linalg.norm(right.focal_shift[:3]) < 0.03
    assert wrong is not None and (off_m := wrong.T_map_camera.distance_m(HERE)) > 0.05
    assert np.sqrt(np.trace(wrong.stated_covariance[:3, :3])) > 0.6 * off_m
    without = replace(wrong, focal_shift=np.zeros(6))
    assert np.sqrt(np.trace(without.stated_covariance[:3, :3])) < 0.6 * off_m


def test_a_wall_leaves_little_of_the_focal_length_open() -> None:
    wall = cloud()
    wall[:, 0] = 5.0
    found = geometric_pose(point_matches(wall), PINHOLE)
    assert found is not None and np.linalg.norm(found.focal_shift[:3]) < 0.05 * 5.0


def test_a_map_that_contradicts_itself_is_in_the_stated_covariance() -> None:
    """Two drives of a street, a metre apart as their poses say: both know the same keypoints."""
    once = point_matches(cloud())
    apart_m = np.array([0.0, 1.0, 0.2])
    both = PointMatches(*(np.tile(once.keypoint, 2), np.tile(once.pixels_px, (2, 1)), np.tile(once.position_m, (2, 1))))
    both.position_m[len(once) :] += apart_m
    alone, torn = geometric_pose(once, PINHOLE), geometric_pose(both, PINHOLE)
    assert alone is not None and not alone.other_shift.any()
    assert torn is not None
    np.testing.assert_allclose(np.abs(torn.other_shift[:3]), apart_m, atol=0.1)
    assert torn.stated_covariance[1, 1] > 0.9**2 and torn.deviation_m < 0.02
    few = both.taken(np.arange(len(once) + len(once) // 4))
    mostly = geometric_pose(few, PINHOLE)
    assert mostly is not None and mostly.T_map_camera.distance_m(HERE) < 0.05 and not mostly.other_shift.any()


def test_the_base_hangs_on_the_camera_by_its_mount() -> None:
    mount = Pose.from_rotation((0.5, 0.1, 1.0), Rotation.from_euler("z", 0.3) * HERE.rotation)
    covariance = np.diag([1e-4, 2e-4, 3e-4, 1e-4, 2e-4, 3e-4])
    pose = GeometricPose(HERE, covariance, 100, 1.0, 5.0)
    T_map_base, stated = of_the_base(pose, mount)
    assert T_map_base.compose(mount).distance_m(HERE) < 1e-9
    rng = np.random.default_rng(0)
    offs = rng.multivariate_normal(np.zeros(6), pose.stated_covariance / 100, 4000)
    moved = [
        error(
            Pose.from_rotation(np.add(HERE.position_m, off[:3]), Rotation.from_rotvec(off[3:]) * HERE.rotation).compose(
                mount.inverse()
            ),
            T_map_base,
        )
        for off in offs
    ]
    np.testing.assert_allclose(np.cov(np.array(moved).T) * 100, stated, atol=0.06 * stated.max())
    assert of_the_base(pose, None)[0] == HERE
