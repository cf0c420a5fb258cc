# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""KITTI raw drives as they are unpacked: frame numbers as names, times in ``timestamps.txt``, poses from GPS/IMU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from vpr_ros.core.errors import SourceError
from vpr_ros.sources import SourceOptions, open_source

SECOND = 1_000_000_000
FIRST_NS = 1317042145_964389445
"""2011-09-26 13:02:25.964389445 UTC."""
LATITUDE_DEG, LONGITUDE_DEG = 49.015, 8.434
METRE_NORTH_DEG = 1 / 111_207.0
"""At this latitude, on the ellipsoid."""


def clock(second: int) -> str:
    return f"2011-09-26 13:02:{25 + second}.964389445"


def write_camera(drive: Path, camera: str, numbers: Sequence[int], lines: Sequence[str] | None) -> None:
    data = drive / camera / "data"
    data.mkdir(parents=True)
    for number in numbers:
        assert cv2.imwrite(str(data / f"{number:010d}.png"), np.full((4, 6, 3), 10 * number, np.uint8))
    if lines is not None:
        (drive / camera / "timestamps.txt").write_text("\n".join(lines) + "\n")


def write_oxts(drive: Path, count: int, yaw_rad: float = 0.0) -> None:
    """One metre to the north every second."""
    data = drive / "oxts" / "data"
    data.mkdir(parents=True)
    for k in range(count):
        values = [LATITUDE_DEG + k * METRE_NORTH_DEG, LONGITUDE_DEG, 100.0, 0.0, 0.0, yaw_rad, *[0.0] * 24]
        (data / f"{k:010d}.txt").write_text(" ".join(map(str, values)) + "\n")
    (drive / "oxts" / "timestamps.txt").write_text("".join(f"{clock(k)}\n" for k in range(count)))


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Images of every second but the third (number 2), which was taken out."""
    folder = tmp_path / "2011_09_26" / "2011_09_26_drive_0001_sync"
    for camera in ("image_00", "image_02"):
        write_camera(folder, camera, [0, 1, 3], [clock(k) for k in range(4)])
    write_oxts(folder, 4, yaw_rad=math.pi / 2)
    return folder


@pytest.mark.parametrize("inside", [".", "image_02", "image_02/data", "image_00"])
def test_a_drive_with_its_gps_and_imu(drive: Path, inside: str) -> None:
    source = open_source(drive / inside)
    records = list(source)
    assert [Path(record.name).name for record in records] == [f"{k:010d}.png" for k in (0, 1, 3)]
    assert [record.stamp_ns - FIRST_NS for record in records] == [0, SECOND, 3 * SECOND]
    poses = [record.T_map_base for record in records]
    assert [pose.position_m[1] for pose in poses if pose] == pytest.approx([0, 1, 3], abs=1e-3)
    assert [pose.position_m[0] for pose in poses if pose] == pytest.approx([0, 0, 0], abs=1e-3)
    assert poses[0] is not None
    assert poses[0].rotation.apply([1.0, 0.0, 0.0]) == pytest.approx([0, 1, 0])  # yaw 90 degrees: ahead is north
    assert source.datum is not None and source.datum.latitude_deg == LATITUDE_DEG
    camera = "image_00" if inside == "image_00" else "image_02"
    assert f"KITTI raw {camera}, poses from KITTI oxts trajectory oxts" in source.description
    assert records[2].load_image()[0, 0, 0] == 30


def test_a_given_trajectory_is_preferred_to_the_gps(drive: Path, tmp_path: Path) -> None:
    seconds = FIRST_NS // SECOND
    (tmp_path / "slam.txt").write_text(f"{seconds} 0 0 0 0 0 0 1\n{seconds + 5} 50 0 0 0 0 0 1\n")
    source = open_source(drive, SourceOptions(poses=tmp_path / "slam.txt", max_gap_s=9.0))
    x_m = [record.T_map_base.position_m[0] for record in source if record.T_map_base]
    assert x_m == pytest.approx([9.644, 19.644, 39.644], abs=1e-3)
    (drive / "poses.txt").write_text((tmp_path / "slam.txt").read_text())
    assert "poses.txt" in open_source(drive, SourceOptions(max_gap_s=9.0)).description


def test_a_drive_without_gps_plays(drive: Path, tmp_path: Path) -> None:
    write_camera(tmp_path / "x", "image_03", [0], [clock(0)])
    assert [r.stamp_ns for r in open_source(tmp_path / "x", SourceOptions(require_poses=False))] == [FIRST_NS]
    with pytest.raises(SourceError, match="1 images and no poses"):
        open_source(tmp_path / "x")
    given = SourceOptions(poses=drive / "oxts")
    assert len(open_source(tmp_path / "x", given)) == 1


def test_frame_numbers_without_their_times_are_refused(tmp_path: Path) -> None:
    write_camera(tmp_path, "image_02", [0, 1], None)
    with pytest.raises(SourceError, match=r"image_02/timestamps\.txt, cannot be read .* frame numbers, not times"):
        open_source(tmp_path, SourceOptions(require_poses=False))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([clock(0)], r"0000000001\.png: its name is no frame number of image_02/timestamps\.txt, which has 1 times"),
        ([clock(0), "", clock(2)], "line 2 is '', expected YYYY-MM-DD"),
        (["2011-02-30 13:02:25.9", clock(1)], "line 1 is '2011-02-30 13:02:25.9', expected YYYY-MM-DD"),
        ([clock(1), clock(0)], "jumps backwards"),
    ],
)
def test_times_that_do_not_fit_the_images(tmp_path: Path, lines: Sequence[str], says: str) -> None:
    write_camera(tmp_path, "image_02", [0, 1], lines)
    with pytest.raises(SourceError, match=says):
        open_source(tmp_path, SourceOptions(require_poses=False))


def test_a_measurement_that_is_none(drive: Path) -> None:
    (drive / "oxts" / "data" / "0000000002.txt").write_text("49.0 8.4\n")
    with pytest.raises(SourceError, match=r"0000000002\.txt has 2 numbers .* expected 30: lat lon alt"):
        open_source(drive)


def test_a_day_of_drives_is_not_mixed(drive: Path) -> None:
    with pytest.raises(SourceError, match=r"holds 1 KITTI raw drives .2011_09_26_drive_0001_sync"):
        open_source(drive.parent)
