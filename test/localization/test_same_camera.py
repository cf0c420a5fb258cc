# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A camera that is told of as the map's was before its build refined it is seen as the map sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="the tests write their own models")

from damaged_map import set_entry
from painted_wall import EVERY_FRAME, HEIGHT_PX, WIDTH_PX, PixelExtractor, WallSource
from tiny_local_onnx import write_local_model

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.frames import CameraMount
from vpr_ros.inference import open_local_extractor
from vpr_ros.localization.same_camera import mapped_intrinsics, refined_intrinsics
from vpr_ros.mapping import build_map
from vpr_ros.maps import PlaceMap

SIZE = (WIDTH_PX, HEIGHT_PX)
GIVEN = CameraIntrinsics(*SIZE, 90.0, 91.0, 64.0, 24.0)
REFINED = CameraIntrinsics(*SIZE, 84.0, 85.0, 63.0, 25.0, Lens.BROWN_CONRADY, (-0.1, 0.0, 0.0, 0.0))


def mapped(folder: Path, **given: CameraIntrinsics) -> PlaceMap:
    """A map with local features, whose camera was refined from what is *given*."""
    source = WallSource([0.0, 0.5, 1.0], camera=CameraMount("front", "", None, REFINED))
    model = open_local_extractor(write_local_model(folder / "local.onnx"))
    build_map(source, PixelExtractor(), folder / "map", EVERY_FRAME, local_model=model)
    plain = {name: intrinsics.to_dict() for name, intrinsics in given.items()}
    set_entry(folder / "map", "local.given_intrinsics", plain)
    return PlaceMap.open(folder / "map")


@pytest.fixture(scope="module")
def refined(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    return mapped(tmp_path_factory.mktemp("refined"), front=GIVEN)


@pytest.mark.parametrize("names", [("front", "/front/image"), ("another",)])
def test_what_the_map_was_given_becomes_what_it_refined(refined: PlaceMap, names: tuple[str, ...]) -> None:
    assert refined_intrinsics(refined, names, GIVEN) == REFINED
    rounded = replace(GIVEN, fx_px=90.0001, lens=Lens.BROWN_CONRADY, distortion=(0.0,) * 5)
    assert refined_intrinsics(refined, names, rounded) == REFINED
    half = GIVEN.scaled(WIDTH_PX // 2, HEIGHT_PX // 2)
    assert refined_intrinsics(refined, names, half) == REFINED.scaled(WIDTH_PX // 2, HEIGHT_PX // 2)
    assert mapped_intrinsics(refined, ("front",), SIZE) == REFINED


@pytest.mark.parametrize(
    "told",
    [
        replace(GIVEN, fx_px=90.5),
        replace(GIVEN, height_px=64),
        replace(GIVEN, lens=Lens.BROWN_CONRADY, distortion=(-0.1, 0.0, 0.0, 0.0)),
        REFINED,
    ],
)
def test_another_calibration_stays(refined: PlaceMap, told: CameraIntrinsics) -> None:
    assert refined_intrinsics(refined, ("front",), told) is None


def test_a_calibration_that_two_cameras_had_is_that_of_the_one_with_the_name(tmp_path: Path) -> None:
    twins = mapped(tmp_path, front=GIVEN, rear=GIVEN)
    assert refined_intrinsics(twins, ("front",), GIVEN) == REFINED
    assert refined_intrinsics(twins, ("another",), GIVEN) is None


def test_a_map_without_local_features_refined_nothing(tmp_path: Path) -> None:
    build_map(WallSource([0.0, 0.5]), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert refined_intrinsics(PlaceMap.open(tmp_path / "map"), ("camera",), GIVEN) is None
