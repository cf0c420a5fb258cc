# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Mutual nearest neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from some_scene import HERE, Scene, cloud

from vpr_ros.core.local_features import LocalFeatures, MapFeatures
from vpr_ros.core.pose import Pose
from vpr_ros.localization import local_matching
from vpr_ros.localization.local_matching import mutual_matches


def query(descriptors: npt.ArrayLike) -> LocalFeatures:
    rows = np.array(descriptors, dtype=np.float32).reshape(-1, 2)
    return LocalFeatures(np.zeros((len(rows), 2), np.float32), rows, np.ones(len(rows), np.float32))


def mapped(descriptors: npt.ArrayLike) -> MapFeatures:
    found = query(descriptors)
    return MapFeatures(found.keypoints_px, found.descriptors, found.scores, np.zeros((len(found), 3)), (640, 480))


EAST, NORTH, NEAR_EAST = (1.0, 0.0), (0.0, 1.0), (0.96, 0.28)


def test_each_keypoint_is_paired_with_the_nearest_that_takes_it_for_the_nearest() -> None:
    first, second, empty = mutual_matches(
        query([EAST, NORTH]), [mapped([NORTH, NEAR_EAST, EAST]), mapped([NEAR_EAST]), mapped([])], 0.5
    )
    assert (first.query.tolist(), first.mapped.tolist()) == ([0, 1], [2, 0])
    assert (second.query.tolist(), second.mapped.tolist()) == ([0], [0])
    assert len(empty) == 0


def test_what_is_too_unlike_is_no_pair() -> None:
    assert [len(found) for found in mutual_matches(query([EAST]), [mapped([NEAR_EAST])] * 2, 0.97)] == [0, 0]


def test_identical_features_are_one_pair() -> None:
    (found,) = mutual_matches(query([EAST] * 40), [mapped([EAST] * 30)], 0.5)
    assert len(found) == 1


def test_an_image_without_texture_has_no_pairs() -> None:
    assert [len(found) for found in mutual_matches(query([]), [mapped([EAST])], 0.5)] == [0]
    assert mutual_matches(query([EAST]), [], 0.5) == ()


def test_frames_with_many_keypoints_are_compared_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((70, 2))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    asked, frames = query(unit[:30]), [mapped(unit[30:50]), mapped([]), mapped(unit[50:])]
    together = mutual_matches(asked, frames, 0.5)
    monkeypatch.setattr(local_matching, "LARGEST_PRODUCT", 700)
    apart = mutual_matches(asked, frames, 0.5)
    for one, other in zip(together, apart, strict=True):
        assert (one.query.tolist(), one.mapped.tolist()) == (other.query.tolist(), other.mapped.tolist())


def test_cameras_that_see_the_same_points_find_them() -> None:
    scene = Scene.of(cloud())
    found, numbers = scene.features(HERE)
    elsewhere = Pose((HERE.position_m[0], 0.3, 1.1), HERE.quat_xyzw)
    other, other_numbers = scene.features(elsewhere, seed=9)
    frame = MapFeatures(other.keypoints_px, other.descriptors, other.scores, np.zeros((len(other), 3)), (640, 480))
    (pairs,) = mutual_matches(found, [frame], 0.8)
    assert len(pairs) > 100 and (numbers[pairs.query] == other_numbers[pairs.mapped]).all()
