# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map that was built long ago opens and answers as it did then."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from damaged_map import set_entry
from older_map import ANSWERS, IN_ANOTHER_RUNTIME, STORED, ask, check, check_answers, make_first

from vpr_ros.core.errors import MapError
from vpr_ros.core.image_codec import decode_compressed
from vpr_ros.localization import Localizer
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.format import FORMAT_VERSION


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy that may be written into."""
    return Path(shutil.copytree(STORED / "map", tmp_path / "map"))


def test_a_map_of_format_1_answers_as_it_did() -> None:
    check_answers(STORED / "map")


def test_the_maps_before_checksums_and_frames_of_sessions_answer_as_they_did(old: Path) -> None:
    make_first(old)
    check_answers(old)


def test_a_map_of_a_newer_format_is_refused(old: Path) -> None:
    set_entry(old, "format_version", FORMAT_VERSION + 1)
    with pytest.raises(MapError, match=f"has format {FORMAT_VERSION + 1}, .* up to {FORMAT_VERSION}") as caught:
        PlaceMap.open(old)
    assert "Update vpr_ros" in caught.value.remedy


def test_a_slip_in_an_older_manifest_is_still_named(old: Path) -> None:
    for entry, value, found in (
        ("sessions", {"a": 1}, "sessions is a dict"),
        ("sessions.0", 7, "7 stands where a table"),
        ("calibration", 3, "3"),
        ("calibration.samples_right", -3, "samples_right is -3"),
    ):
        shutil.copy(STORED / "map" / "manifest.yaml", old)
        set_entry(old, entry, value)
        with pytest.raises(MapError) as caught:
            PlaceMap.open(old)
        assert found in caught.value.problem


def test_what_is_stored_is_small_and_says_yes_and_no() -> None:
    assert sum(path.stat().st_size for path in STORED.rglob("*") if path.is_file()) < 300_000
    assert [answer["accepted"] for answer in ANSWERS] == [True, True, True, True, False]


def test_the_shipped_model_still_sees_what_it_saw() -> None:
    from vpr_ros.inference import open_extractor  # the others do without ONNX Runtime

    image_rgb = decode_compressed((STORED / "query.jpg").read_bytes(), "query.jpg")
    extractor = open_extractor(None)
    seen = extractor.infer(extractor.prepare([image_rgb]))[0]
    assert seen @ np.load(STORED / "queries.npy", allow_pickle=False)[0] > 0.999
    place_map = PlaceMap.open(STORED / "map")
    place_map.check_model(extractor.info, extractor.sha256)
    localizer = Localizer(extractor, place_map)
    check(ask(localizer, image_rgb, ANSWERS[0]), ANSWERS[0], IN_ANOTHER_RUNTIME)
