# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map and a network that gives both descriptor and local features: an image is prepared and run once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="the tests write their own models")

from counted_session import CountedSession, write_both
from painted_wall import SPACING_M, WallSource, paint, view

from vpr_ros.core.frames import Frame
from vpr_ros.inference import open_extractor, open_local_extractor
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.localization import Localizer, LocalizerConfig
from vpr_ros.localization.local_model import in_one_run_with, local_extractor_for
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.maps import PlaceMap

CONFIG = LocalizerConfig(verify_time_ms=60_000.0)
BOTH = ("descriptor", *LOCAL_OUTPUTS)
FRAME = Frame(view(paint(), 4 * SPACING_M), 1, "camera", "query")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_both(tmp_path_factory.mktemp("model") / "both.onnx")


@pytest.fixture(scope="module")
def place_map(tmp_path_factory: pytest.TempPathFactory, model: Path) -> PlaceMap:
    folder = tmp_path_factory.mktemp("map") / "map"
    extractor = open_extractor(model, with_local=True)
    source = WallSource([SPACING_M * number for number in range(12)])
    build_map(source, extractor, folder, BuildConfig(0.0, 0.0, workers=1), local_model=extractor.local)
    return PlaceMap.open(folder)


@pytest.fixture
def counted(model: Path, place_map: PlaceMap) -> tuple[OnnxExtractor, CountedSession]:
    """With the hash by which the map knows the model."""
    session = CountedSession(model)
    return OnnxExtractor(session, place_map.manifest.model.sha256), session


def test_an_image_runs_once_for_both(place_map: PlaceMap, counted: tuple[OnnxExtractor, CountedSession]) -> None:
    extractor, session = counted
    local = local_extractor_for(place_map, CONFIG, extractor, None)
    answer = Localizer(extractor, place_map, CONFIG, local, place_map.local).localize(FRAME)
    assert session.runs == [(1, BOTH)]
    assert answer.matches[0].frame_index == 4 and answer.was_compared and answer.matches[0].geometry is not None
    assert list(answer.timings_ms) == ["prepare", "infer", "search", "verify", "decide"]


def test_two_networks_give_the_same_answer(
    place_map: PlaceMap, model: Path, counted: tuple[OnnxExtractor, CountedSession]
) -> None:
    extractor, session = counted
    one, two = (
        Localizer(extractor, place_map, CONFIG, local, place_map.local).localize(FRAME)
        for local in (extractor.local, open_local_extractor(model))
    )
    assert session.runs == [(1, BOTH), (1, ("descriptor",))]
    looked_at = [[match.geometry.matches for match in answer.matches if match.geometry] for answer in (one, two)]
    assert looked_at[0] == looked_at[1] and max(looked_at[0]) > 0
    assert one.T_map_base == two.T_map_base and list(two.timings_ms)[3] == "local"


def test_who_verifies_nothing_does_not_ask_for_keypoints(
    place_map: PlaceMap, model: Path, counted: tuple[OnnxExtractor, CountedSession]
) -> None:
    extractor, session = counted
    config = replace(CONFIG, verify_candidates=0)
    sha256 = place_map.manifest.model.sha256
    assert in_one_run_with(sha256, place_map, CONFIG) and not in_one_run_with(sha256, place_map, config)
    assert not in_one_run_with("0" * 64, place_map, CONFIG)
    assert local_extractor_for(place_map, config, extractor, model) is None
    Localizer(extractor, place_map, config, extractor.local, place_map.local).localize(FRAME)
    assert session.runs == [(1, ("descriptor",))]
