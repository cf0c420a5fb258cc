# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What proves that two images show one scene, and what does not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation
from some_scene import FISHEYE, HERE, PINHOLE, cloud, seen_px

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.pose import Pose
from vpr_ros.localization.two_view import FEWEST_MATCHES, View, coverage, geometric_inliers, share_same_way_round

Float = npt.NDArray[np.float64]
SIZE = (640, 480)
THERE = Pose.from_rotation((0.9, 0.4, 1.2), Rotation.from_euler("z", -0.1) * HERE.rotation)


def view(pixels_px: Float, intrinsics: CameraIntrinsics = PINHOLE) -> View:
    plane_px = intrinsics.undistort(pixels_px) if intrinsics.has_distortion else pixels_px
    return View(pixels_px, plane_px, (intrinsics.width_px, intrinsics.height_px))


def two_images(
    intrinsics: CameraIntrinsics = PINHOLE, *, outliers: float = 0.0, seed: int = 0, spread: float = 1.0
) -> tuple[Float, Float, npt.NDArray[np.bool_]]:
    """Keypoints in both images, a share of them wrongly matched, and which are right."""
    rng = np.random.default_rng(seed)
    points = cloud(400, spread=spread)
    both = [seen_px(points, pose, intrinsics) for pose in (HERE, THERE)]
    kept = np.isfinite(np.hstack(both)).all(axis=1)
    here, there = (pixels[kept] + rng.normal(0, 0.7, (kept.sum(), 2)) for pixels in both)
    wrong = rng.permutation(len(there))[: round(outliers * len(there))]
    there[wrong] = rng.uniform(0, SIZE, (len(wrong), 2))
    right = np.ones(len(there), bool)
    right[wrong] = False
    return here, there, right


@pytest.mark.parametrize(("intrinsics", "spread"), [(PINHOLE, 1.0), (FISHEYE, 2.5)])
@pytest.mark.parametrize("outliers", [0.0, 0.5])
def test_one_scene_is_proved(intrinsics: CameraIntrinsics, spread: float, outliers: float) -> None:
    here, there, right = two_images(intrinsics, outliers=outliers, spread=spread)
    inliers = geometric_inliers(view(here, intrinsics), view(there, intrinsics))
    assert inliers[right].mean() > 0.9
    assert inliers[~right].sum() < 0.2 * max(1, int((~right).sum()))


def test_the_same_images_give_the_same_inliers() -> None:
    here, there, _ = two_images(outliers=0.5)
    first, again = (geometric_inliers(view(here), view(there)) for _ in range(2))
    assert (first == again).all()


def test_images_of_another_size_are_one_scene_too() -> None:
    here, there, _ = two_images()
    double = View(2 * there, 2 * there, (1280, 960))
    assert geometric_inliers(view(here), double).mean() > 0.9


def test_matches_by_chance_prove_nothing() -> None:
    for seed in range(5):
        here, there, _ = two_images(outliers=1.0, seed=seed)
        assert geometric_inliers(view(here), view(there)).sum() < 30


def test_a_mirrored_picture_is_another_scene() -> None:
    here, there, _ = two_images()
    mirrored = np.array([639.0, 0.0]) + there * (-1.0, 1.0)
    assert not geometric_inliers(view(here), view(mirrored)).any()


def test_a_flat_mirrored_picture_is_another_scene() -> None:
    here, _, _ = two_images()
    assert geometric_inliers(view(here), view(here + 5.0)).mean() > 0.9
    mirrored = np.array([639.0, 0.0]) + here * (-1.0, 1.0)
    assert not geometric_inliers(view(here), view(mirrored)).any()


@pytest.mark.parametrize("count", [0, 1, FEWEST_MATCHES - 1])
def test_too_few_matches_prove_nothing(count: int) -> None:
    here, there, _ = two_images()
    inliers = geometric_inliers(view(here[:count]), view(there[:count]))
    assert inliers.shape == (count,) and not inliers.any()


def test_a_frame_that_nobody_has_looked_at_proves_nothing() -> None:
    none = np.empty((0, 2))
    unseen = View(none, none, (0, 0))
    assert geometric_inliers(unseen, unseen).shape == (0,) and coverage(none, (0, 0)) == 0.0
    assert share_same_way_round((none, (0, 0)), (none, (0, 0))) == 1.0


def test_what_lies_in_one_corner_proves_nothing() -> None:
    here, there, _ = two_images()
    assert not geometric_inliers(view(here / 20), view(there)).any()
    assert not geometric_inliers(view(here), view(there / 20)).any()


def test_identical_features_prove_nothing() -> None:
    here, there, _ = two_images()
    assert not geometric_inliers(view(here), view(np.tile(there[:1], (len(here), 1)))).any()
    assert not geometric_inliers(view(np.tile(here[:3], (50, 1))), view(np.tile(there[:3], (50, 1)))).any()


def test_keypoints_without_a_ray_are_left_out() -> None:
    here, there, _ = two_images()
    plane_px = here.copy()
    plane_px[::2] = np.nan
    inliers = geometric_inliers(View(here, plane_px, SIZE), view(there))
    assert not inliers[::2].any() and inliers[1::2].mean() > 0.9


def test_coverage_is_the_share_of_the_image() -> None:
    corners = np.array([(0.0, 0.0), (639.0, 0.0), (-3.0, 700.0)])
    assert coverage(corners, SIZE) == pytest.approx(3 / 48)
    assert coverage(cloud()[:0, :2], SIZE) == 0.0


def test_what_opencv_raises_at_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, _ = two_images()

    def raising(*_: object, **__: object) -> None:
        raise cv2.error("Assertion failed: !model.empty()")

    monkeypatch.setattr(cv2, "findFundamentalMat", raising)
    assert geometric_inliers(view(here), view(here + 5.0)).mean() > 0.9  # a homography does
    monkeypatch.setattr(cv2, "findHomography", raising)
    assert not geometric_inliers(view(here), view(there)).any()
