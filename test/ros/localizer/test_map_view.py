# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The view from above holds the whole map, and what is drawn in it has a size that can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.ros.localizer.map_view import FILLED, VIEW_PX, MapView, map_view, marker_length_m


def test_the_middle_and_the_extent() -> None:
    view = map_view(np.array([[-10.0, 5.0, 1.0], [30.0, 5.0, 3.0], [0.0, 95.0, 2.0]]))
    assert view == MapView((10.0, 50.0, 2.0), (40.0, 90.0, 2.0))


@pytest.mark.parametrize(("extent_m", "side"), [((400.0, 20.0, 0.0), 0), ((20.0, 400.0, 0.0), 1)])
def test_the_longer_side_fills_the_view_but_for_a_margin(extent_m: tuple[float, float, float], side: int) -> None:
    view = MapView((0.0, 0.0, 0.0), extent_m)
    assert view.scale_px_per_m * 400.0 == pytest.approx(FILLED * VIEW_PX[side])
    assert all(
        view.scale_px_per_m * metres <= FILLED * pixels + 1e-9
        for metres, pixels in zip(extent_m[:2], VIEW_PX, strict=True)
    )


@pytest.mark.parametrize("position_m", [np.zeros((0, 3)), np.full((1, 3), 7.0), np.full((5, 3), -2.0)])
def test_a_map_without_extent_is_seen_from_near(position_m: np.ndarray) -> None:
    view = map_view(position_m)
    assert 50.0 < view.scale_px_per_m < 500.0
    assert view.centre_m == tuple(position_m[0] if len(position_m) else np.zeros(3))


@pytest.mark.parametrize(("extent_m", "length_m"), [(100.0, 4.36), (250.0, 10.9), (20_000.0, 12.0)])
def test_the_arrow_takes_30_pixels_and_is_no_wall_close_up(extent_m: float, length_m: float) -> None:
    assert marker_length_m(MapView((0.0, 0.0, 0.0), (0.0, extent_m, 0.0))) == pytest.approx(length_m, rel=0.01)
