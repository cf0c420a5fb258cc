# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The table of frames: what is written is read, and a damaged line is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vpr_ros.core.errors import MapError
from vpr_ros.core.pose import Pose
from vpr_ros.maps import frame_lines, frame_table
from vpr_ros.maps.frame_table import FrameRow, read_frame_table, write_frame_table

ROWS = [
    FrameRow(1_700_000_000_123_456_789, 0, 0, Pose.from_xy_yaw(1.25, -2.5, 0.3, 0.1), 'left, "first"'),
    FrameRow(1_700_000_000_223_456_789, 0, 1, Pose((1e6 + 1 / 3, 2.0, 3.0), None), "two\nlines"),
    FrameRow(0, 1, 0, Pose.from_xy_yaw(0.0, 0.0, np.pi), ""),
]
CAMERAS = ("/front", "/rear")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_frame_table(tmp_path / "frames.csv", ROWS)
    return tmp_path / "frames.csv"


def test_rows_survive_to_the_last_bit(table: Path) -> None:
    frames = read_frame_table(table, CAMERAS)
    assert frames.stamp_ns.tolist() == [row.stamp_ns for row in ROWS]
    assert frames.session.tolist() == [0, 0, 1]
    assert [frames.camera(i) for i in range(3)] == ["/front", "/rear", "/front"]
    assert frames.names == ('left, "first"', "two\\nlines", "")
    assert frames.has_orientation.tolist() == [True, False, True]
    for number, row in enumerate(ROWS):
        assert frames.pose(number).position_m == row.T_map_base.position_m
    assert frames.pose(0).angle_rad(ROWS[0].T_map_base) < 1e-7
    assert frames.pose(1).quat_xyzw is None


def test_of_a_long_table_one_name_is_read_without_the_others(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_table, "MANY_FRAMES", 3)
    monkeypatch.setattr(frame_lines, "SCANNED_BYTES", 7)
    frames = read_frame_table(table, CAMERAS)
    table.unlink()
    assert [frames.name(number) for number in range(3)] == ['left, "first"', "two\\nlines", ""]
    assert "names" not in vars(frames)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("id,stamp_ns", "number,stamp_ns", "header"),
        (",1.25,", ",one,", "cannot be read"),
        (",1.25,", ",nan,", "the first is frame 0"),
        ("\n2,0,1,0,", "\n2,0,1,2,", "the first is frame 2"),
        ("\n2,0,1,0,", "\n7,0,1,0,", "the first is frame 2"),
    ],
)
def test_a_damaged_table(table: Path, old: str, new: str, found: str) -> None:
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))
    with pytest.raises(MapError, match=found) as caught:
        read_frame_table(table, CAMERAS)
    assert "build the map again" in caught.value.remedy


def test_quaternions_are_of_unit_length(table: Path) -> None:
    row = FrameRow(0, 0, 0, Pose((0.0, 0.0, 0.0), (0.0, 0.0, 2.0, 2.0)), "long")
    write_frame_table(table, [row])
    np.testing.assert_allclose(np.linalg.norm(read_frame_table(table, CAMERAS).quat_xyzw, axis=1), 1.0)
