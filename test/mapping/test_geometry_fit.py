# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map learns about keypoints by asking itself, held against what is known of the world it was asked in."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from damaged_map import edit
from painted_wall import EVERY_FRAME, PixelExtractor
from some_scene import AHEAD, PINHOLE, Scene, SceneCamera, SceneLocalFeatures, SceneSource, cloud

from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import Frame
from vpr_ros.core.local_info import LocalInfo
from vpr_ros.core.pose import Pose
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.localization import Localization, Localizer, LocalizerConfig
from vpr_ros.localization.rejection import INLIERS, Improbable
from vpr_ros.mapping import build_map
from vpr_ros.mapping.geometry_fit import Answers, calibrated_as_it_is, fitted
from vpr_ros.mapping.upkeep import upgrade
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.geometry_calibration import GeometryCalibration

RNG = np.random.default_rng(0)
ONE_METRE = replace(EVERY_FRAME, radius_m=1.0)


def answers(right: Sequence[bool], inliers: npt.NDArray[np.float64], alone: npt.NDArray[np.float64]) -> Answers:
    count = len(right)
    rows = np.column_stack([np.log1p(inliers), np.full(count, 0.6), np.full(count, 0.4), np.full(count, np.nan)])
    return Answers(alone, rows, np.array(right))


def test_wrong_places_that_geometry_sees_through_leave_right_ones_alone() -> None:
    """Of what shows the same scene, all was right: nothing but the probability by similarity is left to say more."""
    right = np.arange(40) < 20
    found = fitted(answers(right.tolist(), np.where(right, 90.0, 12.0), np.full(40, 0.5)))
    assert found.kind == "held_out" and (found.samples_right, found.samples_wrong) == (20, 20)
    assert found.probability(np.array([0.5]), answers([True], np.array([90.0]), np.array([0.5])).evidence)[0] > 0.85


def test_where_neighbours_show_the_same_scene_similarity_tells_them_apart() -> None:
    right = np.arange(40) < 20
    alone = np.where(right, 0.9, 0.1) + RNG.uniform(-0.08, 0.08, 40)
    asked = answers(right.tolist(), np.full(40, 90.0), alone)
    found = fitted(asked)
    assert found.alone_weight > 0.8 and found.place_weights[:2] == (0.0, 0.0) and found.usual_precision == 0.0
    stated = found.probability(asked.alone, asked.evidence)
    assert stated[right].min() > 0.6 and stated[~right].max() < 0.3


def test_the_number_of_inliers_is_not_learned_from_one_drive() -> None:
    """Its own neighbours share hundreds; those of another day share fewer, and are right."""
    right = np.arange(40) < 20
    found = fitted(answers(right.tolist(), np.where(right, 300.0, 90.0), np.full(40, 0.5)))
    both = answers([True] * 2, np.array([300.0, 100.0]), np.full(2, 0.5))
    more, fewer = found.probability(both.alone, both.evidence)
    assert more - fewer < 0.05


@pytest.mark.parametrize("right", [[True] * 30, [False] * 30, [True] * 23 + [False] * 7])
def test_too_few_answers_leave_the_default(right: list[bool]) -> None:
    found = fitted(answers(right, np.full(30, 90.0), np.full(30, 0.5)))
    default = GeometryCalibration()
    assert found == replace(default, samples_right=sum(right), samples_wrong=30 - sum(right))


class Modelled(SceneLocalFeatures):
    """As a model whose features a map can keep."""

    info = LocalInfo("scene", "1", Preprocessing(480, 640), 600, 32)


def standing(along_m: float, across_m: float = 0.0) -> Pose:
    """Of the camera's optical frame."""
    return Pose.from_rotation((across_m, along_m, 1.1), AHEAD)


@dataclass(frozen=True, eq=False)
class World:
    """Two places, a hundred metres apart, and a map of them that asked itself."""

    camera: SceneCamera
    place_map: PlaceMap

    def localize(self, seen_from: Pose, keypoints_of: Pose | None = None) -> Localization:
        config = LocalizerConfig(verify_time_ms=60_000.0)
        local = (Modelled(self.camera), self.place_map.local)
        localizer = Localizer(PixelExtractor(), self.place_map, config, *local)
        frame = Frame(self.camera.image(seen_from, keypoints_of), 1, "camera", "query")
        return localizer.localize(frame, intrinsics=PINHOLE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    far = Scene.of(np.add(cloud(300, seed=5), (0.0, 100.0, 0.0)), seed=5)
    camera = SceneCamera((Scene.of(cloud(300)), far))
    poses = [standing(where_m + 0.1 * step) for where_m in (0.0, 100.0) for step in range(-10, 10)]
    path = tmp_path_factory.mktemp("world") / "map"
    build_map(SceneSource(camera, poses), PixelExtractor(), path, ONE_METRE, local_model=Modelled(camera))
    return World(camera, PlaceMap.open(path))


def test_a_map_with_local_features_asks_itself_about_them(world: World) -> None:
    manifest = world.place_map.manifest
    assert manifest.calibration.kind == "held_out" and manifest.local is not None
    found = manifest.local.calibration
    assert found is not None and found.kind == "held_out"
    assert found.samples_right >= 16 and found.samples_wrong >= 16  # each frame twice
    assert found.usual_precision > 2.0  # its frames see the points from where they were triangulated


def test_a_map_can_ask_itself_without_its_images(world: World) -> None:
    found = calibrated_as_it_is(world.place_map)
    assert found.kind == "held_out" and found.samples_right >= 20 and found.samples_wrong >= 20
    its = world.place_map
    without = PlaceMap(its.path, its.manifest, its.frames, its.descriptors, None)
    assert calibrated_as_it_is(without) == GeometryCalibration()


def test_a_proved_match_is_likelier_than_by_its_similarity(world: World) -> None:
    proved = world.localize(standing(0.03, 0.2))
    plain = Localizer(PixelExtractor(), world.place_map).localize(
        Frame(world.camera.image(standing(0.03, 0.2)), 1, "camera", "query")
    )
    assert proved.accepted and proved.inliers > 100 and proved.probability > 0.85
    assert plain.probability == pytest.approx(plain.matches[0].probability)
    misled = world.localize(standing(100.03), standing(0.03, 0.2))  # looks like the far place, is the near one
    assert misled.accepted and misled.matches[0].frame_index < 20 and misled.probability > 0.5


def test_too_few_inliers_are_named_as_the_reason(world: World) -> None:
    near, other = world.camera.scenes[0], Scene.of(cloud(200, seed=8), seed=8)
    some_of_it = Scene(
        np.concatenate([near.points_m[:30], other.points_m]), np.concatenate([near.descriptors[:30], other.descriptors])
    )

    def answered(config: LocalizerConfig, most: int = 1000) -> Localization:
        model = Modelled(SceneCamera((some_of_it, Scene.of(cloud(0)))), most=most)
        localizer = Localizer(PixelExtractor(), world.place_map, config, model, world.place_map.local)
        return localizer.localize(Frame(world.camera.image(standing(0.0)), 1, "camera", "query"))

    unpromised = LocalizerConfig(verify_time_ms=60_000.0, max_wrong_rate=1.0, min_probability=0.5)
    patient = replace(unpromised, min_local_cosine=0.75)  # others are alike to 0.6
    answer = answered(patient)
    assert isinstance(answer.rejection, Improbable) and answer.rejection.weakest == INLIERS
    assert 15 <= answer.rejection.inliers == answer.matches[0].inliers < 40
    assert answered(replace(patient, min_inliers=0)).accepted  # said not to speak against a match
    assert answered(patient, most=99).accepted  # too few keypoints say nothing


def test_an_older_map_with_local_features_answers_as_it_did(world: World, tmp_path: Path) -> None:
    older = Path(shutil.copytree(world.place_map.path, tmp_path / "map"))

    def as_before(plain: dict[str, Any]) -> None:
        plain["local"].pop("calibration")
        plain["format_version"] = 3

    edit(older, as_before)
    opened = PlaceMap.open(older)
    assert opened.manifest.keypoint_calibration is None and opened.local is not None
    before = World(world.camera, opened).localize(standing(0.03, 0.2))
    assert before.inliers > 100
    alone = Localizer(PixelExtractor(), opened).localize(
        Frame(world.camera.image(standing(0.03, 0.2)), 1, "camera", "query")
    )
    assert before.probability == pytest.approx(alone.probability)
    assert upgrade(older).manifest.keypoint_calibration is None
    edit(older, lambda plain: plain["local"].update(calibration={"kind": "held_out"}))
    with pytest.raises(MapError, match="calibration of local has no entry"):
        PlaceMap.open(older)


def test_the_same_map_learns_the_same(world: World, tmp_path: Path) -> None:
    poses = [standing(where_m + 0.1 * step) for where_m in (0.0, 100.0) for step in range(-10, 10)]
    source, model = SceneSource(world.camera, poses), Modelled(world.camera)
    build_map(source, PixelExtractor(), tmp_path / "map", ONE_METRE, local_model=model)
    again = PlaceMap.open(tmp_path / "map").manifest.keypoint_calibration
    assert again == world.place_map.manifest.keypoint_calibration
