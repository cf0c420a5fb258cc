# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DELG's geometric check: affine RANSAC, pairs, and the order that comes of it."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.evaluation.landmarks.affine_ransac import affine_inliers
from vpr_ros.evaluation.landmarks.rerank import LocalFeatures, Verification, rerank


def points_under_a_map(count: int, wrong: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    index = rng.uniform(0, 1000, (count, 2))
    query = index @ np.array([[0.8, 0.1], [-0.2, 1.1]]) + [30, -20] + rng.normal(0, 1, (count, 2))
    query[:wrong] = rng.uniform(0, 1000, (wrong, 2))
    return index, query


def test_the_pairs_of_one_affine_map_are_found_among_wrong_ones() -> None:
    index, query = points_under_a_map(200, 120)
    found = affine_inliers(index, query)
    assert found[120:].all()
    assert found[:120].sum() <= 6
    np.testing.assert_array_equal(found, affine_inliers(index, query))


def test_a_pair_at_the_threshold_is_none() -> None:
    index = np.array([[0.0, 0], [100, 0], [0, 100], [50, 50]])
    query = index.copy()
    query[3, 0] += 20.0
    assert affine_inliers(index, query, 20.0, 50).sum() == 3
    assert affine_inliers(index, query, 20.0001, 50).sum() == 4


def test_the_score_is_of_the_best_sample_and_not_of_a_refit() -> None:
    """Four corners, each 15 px off in turn: any three fix a map that misses the fourth by 60; a refit has all."""
    index = np.array([[0.0, 0], [100, 0], [0, 100], [100, 100]])
    query = index + np.array([[15.0, 0], [-15, 0], [-15, 0], [15, 0]])
    assert affine_inliers(index, query, 20.0, 200).sum() == 3


def test_degenerate_pairs_prove_nothing() -> None:
    line = np.stack([np.arange(10.0), 2 * np.arange(10.0)], axis=1)
    assert not affine_inliers(line, line).any()
    assert not affine_inliers(np.zeros((10, 2)), line).any()
    assert len(affine_inliers(np.zeros((0, 2)), np.zeros((0, 2)))) == 0


def test_every_sample_has_three_different_pairs() -> None:
    index, query = points_under_a_map(4, 0)
    assert affine_inliers(index, query, 20.0, 1).sum() >= 3


def features(points: np.ndarray, seed: int, count: int = 40) -> LocalFeatures:
    descriptors = np.random.default_rng(seed).standard_normal((count, 128)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    return LocalFeatures(points.astype(np.float32), descriptors, np.ones(count, np.float32))


@pytest.mark.parametrize("binary", [False, True])
def test_the_same_place_has_inliers_and_another_none(binary: bool) -> None:
    index_points, query_points = points_under_a_map(40, 0)
    query, index, other = features(query_points, 1), features(index_points, 1), features(index_points, 2)
    if binary:
        query, index, other = (each.binarised() for each in (query, index, other))
        assert query.descriptors.shape == (40, 16)
    check = Verification()
    assert check.inliers(query, index) == 40
    assert check.inliers(query, other) == 0


def test_a_distance_of_one_is_60_degrees_and_is_not_near_enough() -> None:
    query = LocalFeatures(np.zeros((1, 2), np.float32), np.array([[1, 0]], np.float32), np.ones(1, np.float32))
    for degrees, pairs in ((59.0, 1), (61.0, 0)):
        angle = np.deg2rad(degrees)
        descriptors = np.array([[np.cos(angle), np.sin(angle)]], np.float32)
        index = LocalFeatures(np.zeros((1, 2), np.float32), descriptors, np.ones(1, np.float32))
        assert len(Verification().pairs(query, index)[0]) == pairs


def test_of_128_bits_42_may_differ() -> None:
    zeros = np.zeros((1, 128), np.float32)
    query = LocalFeatures(np.zeros((1, 2), np.float32), zeros - 1, np.ones(1, np.float32)).binarised()
    for differing, pairs in ((42, 1), (43, 0)):
        turned = zeros - 1
        turned[0, :differing] = 1
        index = LocalFeatures(np.zeros((1, 2), np.float32), turned, np.ones(1, np.float32)).binarised()
        assert len(Verification().pairs(query, index)[0]) == pairs


def test_pairs_are_one_directional_and_three_are_none() -> None:
    index_points, query_points = points_under_a_map(40, 0)
    index = features(index_points, 1)
    twice = LocalFeatures(
        np.concatenate([query_points[:3]] * 2).astype(np.float32),
        np.concatenate([index.descriptors[:3]] * 2).astype(np.float32),
        np.ones(6, np.float32),
    )
    assert len(Verification().pairs(twice, index)[0]) == 6, "two query features may take the same index feature"
    once = LocalFeatures(twice.points_yx_px[:3], twice.descriptors[:3], twice.scores[:3])
    assert Verification().inliers(once, index) == 0
    nothing = LocalFeatures(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32), np.zeros(0, np.float32))
    assert Verification().inliers(nothing, index) == Verification().inliers(index, nothing) == 0


def test_junk_goes_first_and_the_whole_list_is_ordered() -> None:
    ranking = np.array([9, 4, 7, 1, 3])
    asked: list[int] = []

    def inliers_of(image: int) -> int:
        asked.append(image)
        return {4: 0, 7: 5, 1: 5}[image]

    ordered = rerank(ranking, np.array([9]), inliers_of, checked=3)
    assert asked == [4, 7, 1]
    assert ordered.tolist() == [7, 1, 4, 3]
