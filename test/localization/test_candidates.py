# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Candidates: chosen, ordered and turned into poses."""

from __future__ import annotations

import numpy as np
import pytest
from painted_wall import PixelExtractor, WallSource, build_wall_map, paint, view
from pytest import TempPathFactory
from some_candidates import candidates

from vpr_ros.core.frames import CameraMount
from vpr_ros.core.pose import Pose
from vpr_ros.localization import PosePrior
from vpr_ros.localization.retrieve import retrieve
from vpr_ros.maps import PlaceMap

FRONT = Pose.from_xy_yaw(0.3, 0.0, 0.0, 1.0)
LEFT = Pose.from_xy_yaw(0.0, 0.2, np.pi / 2, 1.0)


def test_some_of_them_in_another_order() -> None:
    three = candidates([0.9, 0.8, 0.7], [(0, 0), (1, 0), (2, 0)], [0.0, None, 1.0])
    chosen = three.taken(np.array([2, 0]))
    assert chosen.indices.tolist() == [2, 0] and chosen.similarities.tolist() == [0.7, 0.9]
    assert chosen.poses(1)[0].distance_m(Pose((2.0, 0.0, 0.0))) == 0
    assert chosen.poses(1)[0].angle_rad(Pose.from_xy_yaw(0, 0, 1.0)) < 1e-9
    kept = three.taken(np.array([False, True, False]))
    assert len(kept) == 1 and kept.poses(1)[0].quat_xyzw is None


def ask(place_map: PlaceMap, along_m: float, mount: Pose | None = None, prior: PosePrior | None = None) -> np.ndarray:  # type: ignore[type-arg]
    found = retrieve(place_map, PixelExtractor().describe(view(paint(), along_m)), 5, mount, prior)
    return found.position_m


def test_the_nearest_frames_come_first(wall_map: PlaceMap) -> None:
    found = retrieve(wall_map, PixelExtractor().describe(view(paint(), 12.0)), 5, None, None)
    assert found.indices[0] == 24 and (np.abs(found.position_m[:, 0] - 12.0) <= 2.0).all()
    assert (np.diff(found.similarities) <= 0).all() and found.similarities.dtype == np.float64


def test_a_prior_bounds_the_search(wall_map: PlaceMap) -> None:
    prior = PosePrior(Pose((30.0, 0.0, 0.0)), 1.0)
    found = ask(wall_map, 12.0, prior=prior)
    assert len(found) == 5 and (np.abs(found[:, 0] - 30.0) <= 1.0).all()
    assert len(ask(wall_map, 12.0, prior=PosePrior(Pose((500.0, 0.0, 0.0)), 1.0))) == 0


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: TempPathFactory) -> PlaceMap:
    """A map whose camera looks along the robot; robots head along y."""
    return build_wall_map(tmp_path_factory.mktemp("mounted") / "map", WallSource(camera=CameraMount("cam", "", FRONT)))


def test_the_query_camera_sits_where_the_match_camera_sat(mounted: PlaceMap) -> None:
    found = retrieve(mounted, PixelExtractor().describe(view(paint(), 12.0)), 1, LEFT, None)
    camera_then = mounted.pose(24).compose(FRONT)
    camera_now = found.poses(1)[0].compose(LEFT)
    assert camera_now.distance_m(camera_then) < 1e-9
    assert camera_now.angle_rad(camera_then) < 1e-7
    assert found.poses(1)[0].angle_rad(mounted.pose(24)) == pytest.approx(np.pi / 2)


def test_the_same_mount_or_none_changes_nothing(mounted: PlaceMap, wall_map: PlaceMap) -> None:
    for mount in (FRONT, None):
        np.testing.assert_allclose(ask(mounted, 12.0, mount)[0], (12.0, 0.0, 0.0), atol=1e-9)
    np.testing.assert_allclose(ask(wall_map, 12.0, LEFT)[0], (12.0, 0.0, 0.0), atol=1e-9)  # the map's is unknown
    np.testing.assert_allclose(ask(mounted, 12.0, Pose((9.0, 9.0, 9.0), None))[0], (12.0, 0.0, 0.0), atol=1e-9)


def test_correcting_does_not_write_into_the_map(mounted: PlaceMap) -> None:
    before = mounted.frames.position_m.copy(), mounted.frames.quat_xyzw.copy()
    ask(mounted, 12.0, LEFT)
    np.testing.assert_array_equal(mounted.frames.position_m, before[0])
    np.testing.assert_array_equal(mounted.frames.quat_xyzw, before[1])
