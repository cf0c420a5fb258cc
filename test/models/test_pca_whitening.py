# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""PCA whitening against the formula in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from golden import close, golden

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.pca_whitening import PcaWhitening, pca_whitening


def test_fit_apply_and_crop_are_the_golden_ones() -> None:
    reference = golden("pca_whitening")
    weight, bias = pca_whitening(reference["X"].numpy(), 8)
    np.testing.assert_allclose(weight, reference["W"].numpy(), atol=1e-9)
    np.testing.assert_allclose(bias, reference["b"].numpy(), atol=1e-9)
    layer = PcaWhitening(24, 8)
    layer.fit(reference["X"].numpy())
    with torch.no_grad():
        close(layer(reference["X"].float()), reference["out"], atol=2e-6)
        close(layer.cropped(4)(reference["X"].float()), reference["out_crop4"], atol=2e-6)


def test_more_dimensions_than_samples_go_through_the_dual() -> None:
    x = np.random.default_rng(0).standard_normal((12, 40))
    weight, bias = pca_whitening(x, 5)
    covariance = np.cov(x @ weight + bias, rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(5), atol=1e-6)


def test_too_few_descriptors_are_refused() -> None:
    with pytest.raises(TrainingError, match="more images"):
        pca_whitening(np.zeros((5, 8)), 5)
