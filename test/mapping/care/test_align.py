# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""T_grid_map from pairs of poses: found again, refused where the pairs say nothing or contradict each other."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.care.align import aligned
from vpr_ros.mapping.care.pose_pairs import PosePair, pair_of, read_pairs

T = Pose.from_xy_yaw(12.0, -3.0, math.radians(170.0))
IN_MAP = [(0.0, 0.0, 0.0), (8.0, 1.0, 45.0), (3.0, -6.0, -170.0)]


def planar(noise_m: float = 0.0, numbers: int = 3) -> list[PosePair]:
    rng, pairs = np.random.default_rng(0), []
    for x_m, y_m, yaw_deg in IN_MAP:
        grid = T.compose(Pose.from_xy_yaw(x_m, y_m, math.radians(yaw_deg)))
        off = noise_m * rng.standard_normal(2)
        yaw = math.degrees(grid.rotation.as_euler("ZYX")[0])
        there = (grid.position_m[0] + off[0], grid.position_m[1] + off[1], yaw)
        pairs.append(pair_of(there[:numbers], (x_m, y_m, yaw_deg)[:numbers], "a pair"))
    return pairs


@pytest.mark.parametrize("numbers", [2, 3])
@pytest.mark.parametrize("count", [2, 3])
def test_in_the_plane(numbers: int, count: int) -> None:
    found = aligned(planar(numbers=numbers)[:count])
    assert found.T_grid_map.distance_m(T) < 1e-9 and found.T_grid_map.angle_rad(T) < 1e-9
    assert found.residual_m < 1e-9 and found.is_planar
    assert np.isnan(found.turned_rad).all() == (numbers == 2)


def test_residuals_are_what_is_left() -> None:
    found = aligned(planar(0.1))
    assert found.T_grid_map.distance_m(T) < 0.2
    assert 0.01 < found.residual_m < 0.2 and found.residual_m == pytest.approx(np.sqrt(np.mean(found.apart_m**2)))


def test_in_space() -> None:
    T_space = Pose.from_rotation((1.0, 2.0, 3.0), Rotation.from_euler("xyz", (0.3, -0.4, 2.0)))
    rng = np.random.default_rng(1)
    poses = [Pose.from_rotation(rng.uniform(-5, 5, 3), Rotation.random(random_state=rng)) for _ in range(3)]
    found = aligned([PosePair(T_space.compose(pose), pose, is_planar=False) for pose in poses])
    assert found.T_grid_map.distance_m(T_space) < 1e-9 and found.T_grid_map.angle_rad(T_space) < 1e-6


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        (planar()[:1], "found 1 pairs of poses, two or more are needed"),
        ([planar()[0]] * 3, "lie within 0.00 m in the grid"),
        ([planar()[0], pair_of([1, 1], [0.1, 0], "it")], "lie within .* they say no direction"),
        ([planar()[0], pair_of([0, 0, 0, 0, 0, 0, 1], [9, 0, 0, 0, 0, 0, 1], "it")], "some pairs lie in the plane"),
        ([pair_of([0, 0], [0, 0], ""), pair_of([9, 0], [5, 0], "")], r"pair \d is off by 2.00 m"),
        (
            [pair_of([0, 0, 0], [0, 0, 0], ""), pair_of([9, 0, 90], [9, 0, 0], "")],
            "off by 0.* and 4. degrees after the best fit|off by",
        ),
        ([pair_of([x, -y], [x, y], "") for x, y, _ in IN_MAP], "mirrored .y counted downwards.. they would fit"),
        ([pair_of([20 * x, 20 * y], [x, y], "") for x, y, _ in IN_MAP], "scaled by 20 .pixels.. they would fit"),
    ],
)
def test_pairs_that_say_nothing_or_contradict_each_other(pairs: list[PosePair], found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        aligned(pairs)


def test_three_points_on_a_line_with_orientations_that_disagree_leave_the_turn_open() -> None:
    line = [(float(x), 0.0, 0.0) for x in range(0, 9, 4)]
    flips = ((0.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0), (0.7071067811865476, 0.0, 0.0, 0.7071067811865476))
    pairs = [PosePair(Pose(at, flip), Pose(at), is_planar=False) for at, flip in zip(line, flips, strict=True)]
    with pytest.raises(ConfigError):
        aligned(pairs)


def test_pairs_are_read_as_people_write_them(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("grid_x,grid_y,map_x,map_y\n# a door\n0,0,1,1\n\n 5, 0, 1 ,6\n")
    (tmp_path / "p.yaml").write_text("- {grid: [0, 0, 90], map: [1, 1, 0]}\n- {grid: [5, 0, 90], map: [1, 6, 0]}\n")
    for name in ("p.csv", "p.yaml"):
        one, two = read_pairs(tmp_path / name)
        assert (one.in_map.position_m, two.in_grid.position_m) == ((1.0, 1.0, 0.0), (5.0, 0.0, 0.0))
        assert one.in_map.has_orientation == (name == "p.yaml")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("p.csv", "0,0,1\n", "1 numbers in the grid and 2 in the map|has 1 numbers"),
        ("p.csv", "0,0,1,x\n", "line 1 of .* has a field that is no number"),
        ("p.csv", "0,0,1,nan\n", "a number that no pose has"),
        ("p.csv", "0,0,1,1e300\n", "a number that no pose has"),
        ("p.csv", "0,0,0,0,0,0,0,0,0,0,0,0,0,1\n", "a quaternion without length"),
        ("p.yaml", "grid: 3\n", "holds no list of pairs"),
        ("p.yaml", "- [1, 2]\n", "pair 1 of .* is no table"),
        ("p.yaml", "- {grid: [0, true], map: [0, 0]}\n", "a field that is no number"),
        ("p.csv", "0,0,1,1\n" * 1001, "has 1001 pairs"),
    ],
)
def test_files_of_pairs_that_are_none(tmp_path: Path, name: str, content: str, found: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=found):
        read_pairs(tmp_path / name)
