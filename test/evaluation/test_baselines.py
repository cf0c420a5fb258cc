# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Chance and pixels, the figures every model stands beside."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.evaluation.baselines import chance_recall, pixel_descriptor
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.recall import recall_at_n


def test_chance_agrees_with_many_shuffles() -> None:
    positives = Positives.from_lists([[0, 1, 2], [4], [], list(range(9))], "test")
    exact = chance_recall(10, positives, (1, 5, 10, 20))
    rng = np.random.default_rng(0)
    draws = [recall_at_n(np.array([rng.permutation(10) for _ in range(4)]), positives, (1, 5)).at for _ in range(3000)]
    assert exact.at[1] == pytest.approx(100 * (0.3 + 0.1 + 0.9) / 4)
    assert exact.at[5] == pytest.approx(np.mean([draw[5] for draw in draws]), abs=1.0)
    assert exact.at[10] == exact.at[20] == 75.0
    assert exact.at_answerable[20] == 100.0


def test_pixels_ignore_brightness_and_contrast() -> None:
    image = np.random.default_rng(1).integers(60, 120, (64, 96, 3), dtype=np.uint8)
    brighter = (image.astype(np.int64) * 2 + 10).astype(np.uint8)
    one, other = pixel_descriptor(image), pixel_descriptor(brighter)
    assert one.shape == (1024,)
    assert float(one @ other) > 0.99
    assert float(np.linalg.norm(one)) == pytest.approx(1.0, abs=1e-5)


def test_a_flat_image_has_no_descriptor_but_no_nan_either() -> None:
    assert not pixel_descriptor(np.full((40, 40, 3), 7, dtype=np.uint8)).any()
