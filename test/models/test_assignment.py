# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Start values of the assignment."""

from __future__ import annotations

import numpy as np
import pytest
from golden import golden

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.assignment import cluster_centres, cosine_assignment, distance_assignment


@pytest.mark.parametrize(
    ("name", "alpha", "weight"),
    [("supervlad_init_params", "alpha", "conv.weight"), ("netvlad_init", "alpha_v1", "conv_weight_v1")],
)
def test_cosine_assignment_is_the_golden_one(name: str, alpha: str, weight: str) -> None:
    reference = golden(name)
    found = cosine_assignment(reference["centroids"].numpy(), reference["descriptors"].numpy())
    np.testing.assert_allclose(found.alpha, float(reference[alpha]), rtol=1e-6)
    np.testing.assert_allclose(found.weight, reference[weight].flatten(1).numpy(), atol=2e-5)
    assert found.bias is None


def test_distance_assignment_is_the_golden_one() -> None:
    reference = golden("netvlad_init")
    found = distance_assignment(reference["centroids"].numpy(), reference["descriptors"].numpy())
    np.testing.assert_allclose(found.alpha, float(reference["alpha_v2"]), rtol=1e-6)
    np.testing.assert_allclose(found.weight, reference["conv_weight_v2"].numpy(), atol=2e-5)
    assert found.bias is not None
    np.testing.assert_allclose(found.bias, reference["conv_bias_v2"].numpy(), atol=2e-5)


def test_centres_of_separate_clouds_are_found_and_repeat() -> None:
    rng = np.random.default_rng(0)
    middles = np.eye(3, 6, dtype=np.float32)
    points = np.repeat(middles, 50, axis=0) + 0.01 * rng.standard_normal((150, 6)).astype(np.float32)
    centres = cluster_centres(points, 3)
    assert sorted(np.argmax(centres, axis=1).tolist()) == [0, 1, 2]
    np.testing.assert_array_equal(centres, cluster_centres(points, 3))


def test_descriptors_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(TrainingError, match="look the same"):
        cosine_assignment(np.ones((3, 4)), np.ones((10, 4)) / 2)
    with pytest.raises(TrainingError, match="more images"):
        cluster_centres(np.ones((2, 4)), 3)
