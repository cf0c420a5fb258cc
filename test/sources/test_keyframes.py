# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The gates between recording and map."""

from __future__ import annotations

import math

import pytest

from vpr_ros.core.frames import FrameRecord, ImageRgb
from vpr_ros.core.pose import Pose
from vpr_ros.sources.keyframes import keyframes


def never_decoded() -> ImageRgb:
    raise AssertionError("a gate must not decode images")


def record(k: int, pose: Pose | None, camera: str = "camera") -> FrameRecord:
    return FrameRecord(k, camera, str(k), pose, never_decoded)


def kept(poses: list[Pose | None], distance_m: float, angle_deg: float) -> list[int]:
    records = [record(k, pose) for k, pose in enumerate(poses)]
    return [r.stamp_ns for r in keyframes(records, distance_m, math.radians(angle_deg))]


STRAIGHT: list[Pose | None] = [Pose.from_xy_yaw(0.25 * k, 0, 0) for k in range(9)]
TURNING: list[Pose | None] = [Pose.from_xy_yaw(0, 0, math.radians(10 * k)) for k in range(7)]


@pytest.mark.parametrize(
    ("poses", "distance_m", "angle_deg", "expected"),
    [
        (STRAIGHT, 1.0, 0, [0, 4, 8]),
        (STRAIGHT, 0.6, 0, [0, 3, 6]),
        (STRAIGHT, 1.0, 10, [0, 4, 8]),
        (STRAIGHT, 0, 10, [0]),
        (STRAIGHT, 0, 0, list(range(9))),
        (TURNING, 1.0, 29.99, [0, 3, 6]),
        (TURNING, 1.0, 0, [0]),
    ],
)
def test_gates(poses: list[Pose | None], distance_m: float, angle_deg: float, expected: list[int]) -> None:
    assert kept(poses, distance_m, angle_deg) == expected


def test_positions_without_orientation_are_judged_by_distance() -> None:
    positions: list[Pose | None] = [Pose((0.5 * k, 0, 0), None) for k in range(5)]
    assert kept(positions, 1.0, 5) == [0, 2, 4]
    assert kept(positions, 0, 5) == [0, 1, 2, 3, 4]


def test_frames_without_pose_pass_and_do_not_move_the_gate() -> None:
    assert kept([STRAIGHT[0], None, STRAIGHT[1], STRAIGHT[4]], 1.0, 0) == [0, 1, 3]


def test_each_camera_has_its_own_gate() -> None:
    records = [record(k, STRAIGHT[k // 2], "left" if k % 2 else "right") for k in range(18)]
    kept_records = list(keyframes(records, 1.0, 0))
    assert [(r.camera, r.stamp_ns) for r in kept_records] == [
        ("right", 0), ("left", 1), ("right", 8), ("left", 9), ("right", 16), ("left", 17),
    ]  # fmt: skip
