# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where a map lies in the frame of an occupancy grid, or of another SLAM's map: ``T_grid_map`` of the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vpr_ros.core.pose import Pose
from vpr_ros.maps.manifest_values import LARGEST_COUNT, LARGEST_POSITION_M, count, number, numbers, text

UNIT_TOLERANCE: Final = 1e-6


@dataclass(frozen=True)
class GridAlignment:
    """The pose of the map's frame in the grid's.

    Attributes:
        frame_id: of the grid.
        T_grid_map: takes coordinates in the map to coordinates in the grid.
        pairs: from how many pairs of poses it was found.
        residual_m: root of the mean squared distance that is left between the positions of the pairs.
    """

    frame_id: str
    T_grid_map: Pose
    pairs: int
    residual_m: float

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        return {
            "frame_id": self.frame_id,
            "position_m": list(self.T_grid_map.position_m),
            "quat_xyzw": list(self.T_grid_map.quat_xyzw or ()),
            "pairs": self.pairs,
            "residual_m": self.residual_m,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any] | None) -> GridAlignment | None:
        """Read what ``to_dict`` wrote; None where nobody aligned the map.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        if plain is None:
            return None
        name = text(plain, "frame_id")
        if not name.strip() or not name.isprintable():
            raise ValueError(f"the frame_id of T_grid_map is {name[:80]!r}, expected the name of a frame")
        x_m, y_m, z_m = numbers(plain, "position_m", 3, LARGEST_POSITION_M)
        qx, qy, qz, qw = numbers(plain, "quat_xyzw", 4, 1.0 + UNIT_TOLERANCE)
        length = (qx**2 + qy**2 + qz**2 + qw**2) ** 0.5
        if abs(length - 1.0) > UNIT_TOLERANCE:
            raise ValueError(f"the quaternion of T_grid_map has length {length:.4g}, expected 1")
        pose = Pose((x_m, y_m, z_m), (qx, qy, qz, qw))
        pairs = count(plain, "pairs", 0, LARGEST_COUNT)
        return cls(name, pose, pairs, number(plain, "residual_m", 0.0, LARGEST_POSITION_M))
