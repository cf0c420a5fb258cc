# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From how far away frames show one scene, found by a map's own keypoints, and held against its radius."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_map import edit
from painted_wall import EVERY_FRAME, PixelExtractor
from some_scene import AHEAD, Scene, SceneCamera, SceneLocalFeatures, SceneSource, cloud

from vpr_ros.core.errors import MapError
from vpr_ros.core.local_info import LocalInfo
from vpr_ros.core.pose import Pose
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.mapping import build_map
from vpr_ros.mapping.viewing_range import viewing_range
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.map_warnings import radius_warning
from vpr_ros.maps.viewing_range import RangeLevel, ViewingRange


def seen(*shares: float) -> ViewingRange:
    return ViewingRange(tuple(RangeLevel(2.0**number, 20, round(20 * share)) for number, share in enumerate(shares)))


def test_the_range_lies_where_the_share_of_proved_pairs_falls_to_a_half() -> None:
    found = seen(1.0, 1.0, 0.75, 0.25, 0.0)
    assert found.range_m == pytest.approx(math.sqrt(4.0 * 8.0)) and found.proposed_m == found.range_m
    assert not found.contradicts(3.0) and not found.contradicts(11.0)
    assert found.contradicts(2.8) and found.contradicts(11.4)


def test_a_map_that_shows_one_scene_throughout_tells_the_least_and_one_of_many_the_most() -> None:
    room, photos = seen(1.0, 0.9, 0.8), seen(0.2, 0.0)
    assert room.range_m is None and (room.least_m, room.most_m) == (4.0, math.inf)
    assert room.contradicts(2.0) and not room.contradicts(100.0)
    assert photos.range_m is None and (photos.least_m, photos.most_m) == (0.0, 1.0)
    assert photos.contradicts(2.0) and not photos.contradicts(0.01)
    assert room.words == "from 4 m and farther" and photos.words == "from less than 1 m"


def test_it_is_read_as_it_was_written() -> None:
    found = seen(1.0, 0.6, 0.1)
    assert ViewingRange.from_dict(found.to_dict()) == found
    for levels in ([], [[2.0, 4, 1], [1.0, 4, 1]], [[1.0, 4, 5]], [[0.0, 4, 1]], [[1.0, 0, 0]], [[1.0, 4]], [7]):
        with pytest.raises((TypeError, ValueError)):
            ViewingRange.from_dict({"range_m": None, "levels": levels})


class Modelled(SceneLocalFeatures):
    """As a model whose features a map can keep."""

    info = LocalInfo("scene", "1", Preprocessing(480, 640), 600, 32)


@pytest.fixture(scope="module")
def two_scenes(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """Two scenes beside each other, 8 m apart, each seen along 0.8 m."""
    camera = SceneCamera((Scene.of(cloud(300)), Scene.of(np.add(cloud(300, seed=5), (0.0, 8.0, 0.0)), seed=5)))
    places = [(0.0, y_m + 0.1 * step, 1.1) for y_m in (0.0, 8.0) for step in range(-4, 5)]
    poses = [Pose.from_rotation(position_m, AHEAD) for position_m in places]
    path = tmp_path_factory.mktemp("scenes") / "map"
    config = replace(EVERY_FRAME, radius_m=2.0)
    build_map(SceneSource(camera, poses), PixelExtractor(), path, config, local_model=Modelled(camera))
    return PlaceMap.open(path)


def test_the_build_asks_its_own_frames(two_scenes: PlaceMap) -> None:
    local = two_scenes.manifest.local
    assert local is not None and local.viewing_range is not None
    near, far = local.viewing_range.levels[0], local.viewing_range.levels[-1]
    assert near.distance_m == pytest.approx(0.1) and near.share == 1.0
    assert far.distance_m > 5.0 and far.share == 0.0
    assert local.viewing_range.range_m is not None and 1.1 < local.viewing_range.range_m < 8.0
    assert viewing_range(two_scenes) == local.viewing_range  # the same each time
    assert radius_warning(two_scenes) == ""


@pytest.mark.parametrize(("radius_m", "why"), [(10.0, "different scenes count as one"), (0.3, "count as wrong")])
def test_a_radius_that_contradicts_it_is_told_with_the_one_that_fits(
    two_scenes: PlaceMap, tmp_path: Path, radius_m: float, why: str
) -> None:
    copy = Path(shutil.copytree(two_scenes.path, tmp_path / "map"))
    edit(copy, lambda plain: plain["calibration"].update(radius_m=radius_m))
    warning = radius_warning(PlaceMap.open(copy))
    assert f"one place reaches {radius_m:g} m" in warning and why in warning and "--radius 2." in warning


def test_without_local_features_nothing_is_proposed(two_scenes: PlaceMap) -> None:
    its = two_scenes
    without = PlaceMap(its.path, replace(its.manifest, local=None), its.frames, its.descriptors, None)
    assert viewing_range(without) is None and radius_warning(without) == ""


def test_a_map_of_the_format_before_knows_none(two_scenes: PlaceMap, tmp_path: Path) -> None:
    older = Path(shutil.copytree(two_scenes.path, tmp_path / "map"))

    def as_before(plain: dict[str, Any]) -> None:
        plain["local"].pop("viewing_range")
        plain["format_version"] = 4

    edit(older, as_before)
    opened = PlaceMap.open(older).manifest.local
    assert opened is not None and opened.viewing_range is None
    edit(older, lambda plain: plain["local"].update(viewing_range={"range_m": 1.0, "levels": []}))
    with pytest.raises(MapError, match="viewing_range has 0 levels"):
        PlaceMap.open(older)
