# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map's descriptors and local features of one network: one run for each batch of frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the tests write their own models")

from counted_session import counted_extractor, write_both
from full_disk_command import write_drive
from painted_wall import HEIGHT_PX, SPACING_M, WIDTH_PX, WallSource

from vpr_ros.cli import build_map as build_command
from vpr_ros.cli import evaluate as evaluate_command
from vpr_ros.core.frames import FrameRecord
from vpr_ros.inference import open_local_extractor
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.maps import PlaceMap

IN_TWOS = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, workers=1, batch_size=2)
TRACK = [SPACING_M * number for number in range(5)]
BOTH = ("descriptor", *LOCAL_OUTPUTS)


def test_each_batch_runs_once_for_both(tmp_path: Path) -> None:
    path = write_both(tmp_path / "both.onnx")
    extractor, session = counted_extractor(path)
    build_map(WallSource(TRACK), extractor, tmp_path / "one", IN_TWOS, local_model=extractor.local)
    assert session.runs == [(2, BOTH), (2, BOTH), (1, BOTH)]
    session.runs.clear()
    build_map(WallSource(TRACK), extractor, tmp_path / "two", IN_TWOS, local_model=open_local_extractor(path))
    assert session.runs == [(2, ("descriptor",)), (2, ("descriptor",)), (1, ("descriptor",))]
    one, two = PlaceMap.open(tmp_path / "one"), PlaceMap.open(tmp_path / "two")
    np.testing.assert_allclose(one.descriptors, two.descriptors, atol=1e-6)
    assert one.local is not None and two.local is not None
    for index in range(len(TRACK)):
        found, expected = one.local.of(index), two.local.of(index)
        assert len(found) > 0
        np.testing.assert_array_equal(found.keypoints_px, expected.keypoints_px)
        np.testing.assert_allclose(found.descriptors, expected.descriptors, atol=0.02)


def test_a_network_of_one_image_at_a_time_runs_once_for_each(tmp_path: Path) -> None:
    extractor, session = counted_extractor(write_both(tmp_path / "both.onnx", batch=1))
    build_map(WallSource(TRACK), extractor, tmp_path / "map", IN_TWOS, local_model=extractor.local)
    assert session.runs == [(1, BOTH)] * 5
    PlaceMap.open(tmp_path / "map").verify()


def test_without_local_features_nothing_of_them_is_asked(tmp_path: Path) -> None:
    extractor, session = counted_extractor(write_both(tmp_path / "both.onnx"))
    build_map(WallSource(TRACK), extractor, tmp_path / "map", IN_TWOS)
    assert {outputs for _, outputs in session.runs} == {("descriptor",)}


class WithBlank(WallSource):
    """The wall, its second picture black."""

    def __iter__(self) -> Iterator[FrameRecord]:
        for number, record in enumerate(super().__iter__()):
            blank = replace(record, load_image=lambda: np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8))
            yield blank if number == 1 else record


def test_a_picture_without_descriptor_takes_its_local_features_along(tmp_path: Path) -> None:
    extractor, _ = counted_extractor(write_both(tmp_path / "both.onnx"))
    whole, blank = tmp_path / "whole", tmp_path / "blank"
    build_map(WallSource(TRACK), extractor, whole, IN_TWOS, local_model=extractor.local)
    assert build_map(WithBlank(TRACK), extractor, blank, IN_TWOS, local_model=extractor.local).frames == 4
    one, other = PlaceMap.open(whole).local, PlaceMap.open(blank).local
    assert one is not None and other is not None
    for index, before in enumerate((0, 2, 3, 4)):
        np.testing.assert_array_equal(other.of(index).keypoints_px, one.of(before).keypoints_px)


def test_the_commands_need_no_local_model_then(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_both(tmp_path / "both.onnx")
    drive, built, results = write_drive(tmp_path / "drive", 0.0, 12), tmp_path / "map", tmp_path / "results"
    build = [str(drive), "--poses", str(drive / "poses.csv"), "--output", str(built), "--model", str(model)]
    assert build_command.main([*build, "--local-model", str(model)]) == 0
    found = PlaceMap.open(built)
    assert found.local is not None and found.local.sha256 == found.manifest.model.sha256
    asked = [str(built), str(drive), "--poses", str(drive / "poses.csv"), "--model", str(model), "--threshold", "1.5"]
    assert evaluate_command.main([*asked, "--verify-time-ms", "5000", "--output", str(results)]) == 0
    assert "before and after verification" in capsys.readouterr().out
    assert evaluate_command.main([*asked, "--verify-candidates", "0", "--output", str(tmp_path / "none")]) == 0
    printed = capsys.readouterr()
    assert "which was not given" not in printed.err and "before and after" not in printed.out
    assert build_command.main([*build, "--overwrite", "--no-local"]) == 0
    assert PlaceMap.open(built).local is None
