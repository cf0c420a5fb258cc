# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is stuck to the camera proves no place: it is found in the map's own frames, and only where they were apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from painted_wall import SPACING_M, WallSource, build_wall_map

from vpr_ros.core.errors import MapError
from vpr_ros.core.local_features import LocalFeatures, MapFeatures
from vpr_ros.localization.stuck_keypoints import StuckKeypoints
from vpr_ros.maps import PlaceMap

SIZE_PX = (320, 240)
STUCK, FREE = 30, 50


def unit(rng: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    rows = rng.standard_normal((count, 32)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def places(rng: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    return rng.uniform((0, 0), SIZE_PX, (count, 2)).astype(np.float32)


BONNET_PX, BONNET = places(np.random.default_rng(1), STUCK), unit(np.random.default_rng(2), STUCK)


@dataclass
class Driving:
    """A map of frames that have the bonnet of their car in common, and nothing else."""

    unreadable: int = -1
    not_looked_at: int = -1
    sha256: str = ""

    def of(self, index: int) -> MapFeatures:
        if index == self.unreadable:
            raise MapError("the frame is torn", "Restore it")
        if index == self.not_looked_at:
            return MapFeatures(BONNET_PX[:0], BONNET[:0], BONNET[:0, 0], np.empty((0, 3)), (0, 0))
        found = image(index)
        return MapFeatures(
            found.keypoints_px, found.descriptors, found.scores, np.full((len(found), 3), np.nan), SIZE_PX
        )


def image(number: int, scale: float = 1.0) -> LocalFeatures:
    rng = np.random.default_rng(100 + number)
    bonnet_px = BONNET_PX + rng.uniform(-0.3, 0.3, BONNET_PX.shape)
    keypoints_px = np.concatenate([bonnet_px, places(rng, FREE)]) * scale
    descriptors = np.concatenate([BONNET, unit(rng, FREE)])
    return LocalFeatures(keypoints_px.astype(np.float32), descriptors, np.ones(len(descriptors), np.float32))


@pytest.fixture(scope="module")
def wall_map(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    return build_wall_map(tmp_path_factory.mktemp("wall") / "map", WallSource([5 * SPACING_M * n for n in range(14)]))


@pytest.mark.parametrize("unreadable", [-1, 0])
def test_what_all_frames_show_at_one_pixel_is_left_out(wall_map: PlaceMap, unreadable: int) -> None:
    stuck = StuckKeypoints.of(Driving(unreadable), wall_map, 0.75)
    for scale in (1.0, 2.0):  # also of an image of another size
        left = stuck.left_out(image(77, scale), (int(SIZE_PX[0] * scale), int(SIZE_PX[1] * scale)))
        np.testing.assert_array_equal(left.keypoints_px, image(77, scale).keypoints_px[STUCK:])
    unseen = StuckKeypoints.of(Driving(not_looked_at=0), wall_map, 0.75)  # as build_map --add-local leaves some
    assert len(unseen.left_out(image(77), SIZE_PX)) == FREE
    moved = image(77)
    elsewhere = LocalFeatures(moved.keypoints_px + 20, moved.descriptors, moved.scores)
    assert len(stuck.left_out(elsewhere, SIZE_PX)) == STUCK + FREE


def test_a_robot_that_stood_still_knows_nothing_of_it(tmp_path: Path) -> None:
    parked = build_wall_map(tmp_path / "map", WallSource([0.0] * 14))
    assert len(StuckKeypoints.of(Driving(), parked, 0.75).left_out(image(0), SIZE_PX)) == STUCK + FREE
