# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``T_grid_map`` in the manifest: kept, absent in older maps, and refused where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from damaged_map import set_entry
from older_map import STORED

from vpr_ros.core.errors import MapError
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.upkeep import align
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.grid_alignment import GridAlignment

GRID = GridAlignment("grid", Pose.from_xy_yaw(3.0, -2.0, 0.5), 3, 0.07)


def entry(**changes: Any) -> dict[str, Any]:
    return {**GRID.to_dict(), **changes}


def test_it_is_kept_beside_all_else_and_can_be_forgotten(copy: Path) -> None:
    before = PlaceMap.open(copy)
    assert before.manifest.grid is None
    aligned = align(copy, GRID)
    aligned.verify()
    assert aligned.manifest.grid == GRID
    assert aligned.manifest.calibration == before.manifest.calibration
    assert align(copy, None).manifest.grid is None


def test_an_older_map_is_aligned_with_nothing() -> None:
    assert PlaceMap.open(STORED / "map").manifest.grid is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (7, "7 stands where a table"),
        ({}, "pairs|frame_id"),
        (entry(frame_id=" "), "the frame_id of T_grid_map is ' '"),
        (entry(frame_id="a\nb"), "the frame_id of T_grid_map"),
        (entry(position_m=[0.0, float("nan"), 0.0]), "position_m is nan"),
        (entry(position_m=[0.0, 0.0]), "position_m has 2 numbers"),
        (entry(position_m=[1e300, 0.0, 0.0]), "position_m is 1e"),
        (entry(quat_xyzw=[0.0, 0.0, 0.0, 0.5]), "the quaternion of T_grid_map has length 0.5"),
        (entry(quat_xyzw=[]), "quat_xyzw has 0 numbers"),
        (entry(pairs=-1), "pairs is -1"),
        (entry(residual_m=float("inf")), "residual_m is inf"),
    ],
)
def test_what_no_alignment_says_is_refused(copy: Path, value: object, found: str) -> None:
    set_entry(copy, "T_grid_map", value)
    with pytest.raises(MapError, match=found):
        PlaceMap.open(copy)
