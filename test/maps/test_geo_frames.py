# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Poses moved between local east-north-up frames."""

from __future__ import annotations

import numpy as np
import pymap3d
import pytest

from vpr_ros.core.frames import GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.maps.geo_frames import move_to_datum

HERE = GeoDatum(48.0, 11.0, 500.0)
NORTH = GeoDatum(48.01, 11.0, 500.0)
FAR_EAST = GeoDatum(48.0, 101.0, 500.0)


def test_the_same_origin_changes_nothing() -> None:
    pose = Pose.from_xy_yaw(3.0, 4.0, 0.5)
    assert move_to_datum(pose, HERE, GeoDatum(48.0, 11.0, 500.0)) == pose


def test_it_is_the_same_point_on_earth() -> None:
    pose = Pose((120.0, -40.0, 3.0), None)
    moved = move_to_datum(pose, NORTH, HERE)
    before = pymap3d.enu2geodetic(*pose.position_m, NORTH.latitude_deg, NORTH.longitude_deg, NORTH.altitude_m)
    after = pymap3d.enu2geodetic(*moved.position_m, HERE.latitude_deg, HERE.longitude_deg, HERE.altitude_m)
    np.testing.assert_allclose(after, before, atol=1e-8)
    assert moved.position_m[1] == pytest.approx(-40.0 + 1111.9, abs=1.0)  # a hundredth of a degree of latitude
    assert moved.quat_xyzw is None


def test_there_and_back() -> None:
    pose = Pose.from_rotation((10.0, 20.0, 30.0), Pose.from_xy_yaw(0, 0, 1.0).rotation)
    back = move_to_datum(move_to_datum(pose, HERE, FAR_EAST), FAR_EAST, HERE)
    assert back.distance_m(pose) < 1e-6
    assert back.angle_rad(pose) < 1e-9


def test_up_here_is_sideways_a_quarter_of_the_globe_away() -> None:
    on_equator, quarter = GeoDatum(0.0, 0.0, 0.0), GeoDatum(0.0, 90.0, 0.0)
    moved = move_to_datum(Pose((0.0, 0.0, 0.0)), on_equator, quarter)
    np.testing.assert_allclose(moved.rotation.apply([0, 0, 1]), [-1, 0, 0], atol=1e-12)  # up there is west here
    np.testing.assert_allclose(moved.rotation.apply([0, 1, 0]), [0, 1, 0], atol=1e-12)  # north stays north
