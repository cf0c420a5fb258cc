# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map seen from above: where its middle is, and how large things must be to be seen with the whole of it in view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

VIEW_PX: Final = (1130, 810)
"""What the panels of ``config/vpr.rviz`` leave of its window."""
FILLED: Final = 0.85
SMALLEST_EXTENT_M: Final = 4.0
"""A map of one place, or of a robot that turned on the spot."""


@dataclass(frozen=True)
class MapView:
    """The view from above that holds the whole map.

    Attributes:
        centre_m: x, y, z of its middle in the map frame, metres.
        extent_m: its size in x, y and z, metres.
    """

    centre_m: tuple[float, float, float]
    extent_m: tuple[float, float, float]

    @property
    def scale_px_per_m(self) -> float:
        """Pixels per metre that let the map fill the view."""
        sides = zip(VIEW_PX, self.extent_m, strict=False)
        return FILLED * min(pixels / max(extent_m, SMALLEST_EXTENT_M) for pixels, extent_m in sides)

    def metres(self, pixels: float, largest_m: float) -> float:
        """Length that takes *pixels* with the whole map in view; in a large map less, to be no wall close up."""
        return min(pixels / self.scale_px_per_m, largest_m)


def map_view(position_m: npt.NDArray[np.float64]) -> MapView:
    """Return the view of a map.

    Args:
        position_m: (N, 3) where its frames are, metres, finite.
    """
    if not len(position_m):
        return MapView((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    low, high = position_m.min(axis=0), position_m.max(axis=0)
    x, y, z = ((low + high) / 2.0).tolist()
    width, depth, height = (high - low).tolist()
    return MapView((x, y, z), (width, depth, height))


def marker_length_m(view: MapView) -> float:
    """Length of the arrow that stands for the robot, metres."""
    return view.metres(30.0, 12.0)
