# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where a pixel of the network's input lies in the image, for every way of resizing: seen in images that are ramps."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from vpr_ros.core.preprocess import Aspect, Preprocessing, Resize

STEP = 2
"""Grey levels per pixel; a level is the finest that can be seen of a position."""


@pytest.mark.parametrize("aspect", get_args(Aspect))
@pytest.mark.parametrize("resize", get_args(Resize))
@pytest.mark.parametrize("seed", range(6))
def test_pixels_go_back_to_where_they_came_from(resize: Resize, aspect: Aspect, seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(20, 120, 2)
    seen = Preprocessing(int(rng.integers(16, 100)), int(rng.integers(16, 100)), resize, aspect)
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = STEP * np.arange(width)
    image[..., 1] = STEP * np.arange(height)[:, None]
    small = seen.resized(image).astype(float)[..., :2] / STEP
    y, x = np.mgrid[: seen.height_px, : seen.width_px]
    found = seen.to_image_px(np.stack([x.ravel(), y.ravel()], axis=1), int(width), int(height))
    # A ramp ends at the edges: what lies beyond the last centre, or is blurred across it, says nothing.
    margin = 1.5 * np.maximum(1.0, [width / seen.width_px, height / seen.height_px])
    inside = ((found > margin) & (found < [width - 1 - margin[0], height - 1 - margin[1]])).all(axis=1)
    error_px = (small.reshape(-1, 2) - found)[inside]
    assert inside.sum() > 20
    scale = np.array([width / seen.width_px, height / seen.height_px])
    most_px = np.full(2, 1.01 / STEP)
    if resize == "area" and (scale < 1).any() and (scale > 1).any():
        most_px += np.maximum(0.5, (scale - 1) / 2)  # OpenCV's box filter is none where one side grows
    assert (np.abs(error_px).max(axis=0) <= most_px).all()
    assert (np.abs(error_px.mean(axis=0)) <= most_px).all()


def test_corners_and_centre_of_a_crop() -> None:
    seen = Preprocessing(50, 50, "area", "crop")
    corners = np.array([[-0.5, -0.5], [49.5, 49.5], [24.5, 24.5]])
    np.testing.assert_allclose(seen.to_image_px(corners, 300, 100), [[99.5, -0.5], [199.5, 99.5], [149.5, 49.5]])
