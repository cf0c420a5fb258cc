# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Spacing and radius of a map."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpr_ros.core.pose import Pose
from vpr_ros.maps.frame_table import FrameRow, FrameTable, read_frame_table, write_frame_table
from vpr_ros.maps.spacing import median_spacing_m, neighbour_spacing_m, place_radius_m


def table(folder: Path, rows: list[tuple[int, int, int, float]]) -> FrameTable:
    """Rows of (stamp, session, camera, x)."""
    path = folder / "frames.csv"
    write_frame_table(path, [FrameRow(t, s, c, Pose((x, 0.0, 0.0)), "") for t, s, c, x in rows])
    return read_frame_table(path, ("a", "b"))


def test_neighbours_are_of_one_session_and_camera(tmp_path: Path) -> None:
    frames = table(
        tmp_path, [(0, 0, 0, 0.0), (0, 0, 1, 0.1), (2, 0, 0, 5.0), (2, 0, 1, 2.1), (1, 0, 0, 1.0), (0, 1, 0, 90.0)]
    )
    assert sorted(neighbour_spacing_m(frames).tolist()) == pytest.approx([1.0, 2.0, 4.0])
    assert median_spacing_m(frames) == pytest.approx(2.0)


def test_one_frame_has_no_spacing(tmp_path: Path) -> None:
    frames = table(tmp_path, [(0, 0, 0, 3.0)])
    assert median_spacing_m(frames) == 0.0
    assert place_radius_m(frames, 0.0) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("length_m", "spacing_m", "radius_m"),
    [(1.0, 0.01, 0.3), (10.0, 0.5, 2.0), (100.0, 0.5, 5.0), (10_000.0, 1.0, 25.0), (40.0, 20.0, 25.0)],
)
def test_the_radius_follows_spacing_and_extent_within_bounds(
    tmp_path: Path, length_m: float, spacing_m: float, radius_m: float
) -> None:
    frames = table(tmp_path, [(0, 0, 0, 0.0), (1, 0, 0, length_m)])
    assert place_radius_m(frames, spacing_m) == pytest.approx(radius_m)
