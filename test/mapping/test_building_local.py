# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features in a build that is interrupted, goes on, or adds to a map: all of it or none, of one model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from full_disk_command import write_drive
from painted_wall import EVERY_FRAME, SPACING_M, PixelExtractor, WallSource, build_wall_map
from tiny_local_onnx import write_local_model
from two_headed_onnx import both_heads

from vpr_ros.cli import build_map as command
from vpr_ros.cli import inspect_map
from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.command import program
from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.core.frames import CameraMount, FrameRecord, ImageRgb
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.local_info import LOCAL_KEY
from vpr_ros.inference import open_local_extractor, shipped_model_path
from vpr_ros.inference.local_extractor import OnnxLocalExtractor, local_features
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.mapping.finish_local import _of_all
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.local_codec import DEPTH, LocalLayout

IN_TWOS = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, workers=1, batch_size=2)


class PowerCut(BaseException):
    """Ends a build as nothing that is handled would."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> OnnxLocalExtractor:
    return open_local_extractor(write_local_model(tmp_path_factory.mktemp("model") / "local.onnx"))


def track(count: int, start_m: float = 0.0) -> list[float]:
    return [start_m + SPACING_M * number for number in range(count)]


def build(
    path: Path,
    source: WallSource,
    model: OnnxLocalExtractor | None,
    config: BuildConfig = IN_TWOS,
    *,
    append: bool = False,
    resume: bool = False,
) -> PlaceMap:
    build_map(source, PixelExtractor(), path, config, append=append, resume=resume, local_model=model)
    return PlaceMap.open(path)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "local").iterdir())}


def interrupt(path: Path, model: OnnxLocalExtractor | None) -> None:
    with pytest.raises(PowerCut):
        build(path, WallSource(track(9), fails_at=7, failure=PowerCut()), model)
    assert not path.exists() and partial_path(path).exists()


def test_an_interrupted_build_goes_on_to_the_same_map(tmp_path: Path, model: OnnxLocalExtractor) -> None:
    whole = build(tmp_path / "whole", WallSource(track(9)), model)
    interrupt(tmp_path / "map", model)
    with (partial_path(tmp_path / "map") / "local" / "keypoints.npy").open("ab") as stream:
        stream.write(b"half a batch that was not in the journal yet")
    again = build(tmp_path / "map", WallSource(track(9)), model, resume=True)
    assert content(again.path) == content(whole.path) and len(content(whole.path)) == 5
    again.verify()


def test_a_build_does_not_go_on_with_other_local_features(tmp_path: Path, model: OnnxLocalExtractor) -> None:
    other = open_local_extractor(write_local_model(tmp_path / "other.onnx", seed=1))
    interrupt(tmp_path / "map", model)
    for another, config in ((None, IN_TWOS), (other, IN_TWOS), (model, BuildConfig(local_bits=8, batch_size=2))):
        with pytest.raises(MapError, match=r"made from other inputs: .*local was"):
            build(tmp_path / "map", WallSource(track(9)), another, config, resume=True)
    (partial_path(tmp_path / "map") / "local" / "scores.npy").unlink()
    with pytest.raises(MapError, match=r"lacks scores.npy"):
        build(tmp_path / "map", WallSource(track(9)), model, resume=True)


def test_a_session_is_added_with_the_same_model_alone(tmp_path: Path, model: OnnxLocalExtractor) -> None:
    other = open_local_extractor(write_local_model(tmp_path / "other.onnx", seed=1))
    first = build(tmp_path / "map", WallSource(track(5)), model, BuildConfig(0.0, 0.0, local_bits=8, workers=1))
    expected = [first.local.of(index) for index in range(5)] if first.local else []
    for another, offered in ((None, "the new session none"), (other, "the new session corners 1, ")):
        with pytest.raises(MapError, match=f"{offered}.*--local-model"):
            build(tmp_path / "map", WallSource(track(4, 10.0)), another, append=True)
    both = build(tmp_path / "map", WallSource(track(4, 10.0)), model, append=True)
    both.verify()
    assert both.local is not None and both.local.entry.layout == LocalLayout(40, 16, 8)  # that of the map
    for index, before in enumerate(expected):
        np.testing.assert_array_equal(both.local.of(index).descriptors, before.descriptors)
    alone = build(tmp_path / "alone", WallSource(track(4, 10.0)), model, BuildConfig(0.0, 0.0, local_bits=8))
    assert alone.local is not None
    for index in range(4):
        np.testing.assert_array_equal(both.local.of(5 + index).keypoints_px, alone.local.of(index).keypoints_px)


def test_a_map_without_local_features_gets_no_session_with_some(tmp_path: Path, model: OnnxLocalExtractor) -> None:
    folder = build_wall_map(tmp_path / "map", WallSource(track(4))).path
    with pytest.raises(MapError, match=r"has no local features.*Leave --local-model out"):
        build(folder, WallSource(track(3, 10.0)), model, append=True)
    assert PlaceMap.open(folder).local is None


def test_local_features_change_nothing_else(tmp_path: Path, model: OnnxLocalExtractor) -> None:
    one = build(tmp_path / "with", WallSource(track(24)), model, EVERY_FRAME)
    other = build(tmp_path / "without", WallSource(track(24)), None, EVERY_FRAME)
    for name in ("descriptors.npy", "frames.csv"):
        assert (one.path / name).read_bytes() == (other.path / name).read_bytes()
    assert one.manifest.calibration == other.manifest.calibration
    assert not (other.path / "local").exists() and (one.path / "local" / DEPTH).is_file()


def test_a_frame_without_texture_has_no_features_and_enters_the_map(tmp_path: Path, model: OnnxLocalExtractor) -> None:
    class Blank(WallSource):
        def __iter__(self) -> Iterator[FrameRecord]:
            grey = np.full((48, 128, 3), 90, np.uint8)
            grey[0, 0] = 95
            for number, record in enumerate(super().__iter__()):
                yield record if number else replace(record, load_image=lambda: grey)

    place_map = build(tmp_path / "map", Blank(track(4)), model)
    assert place_map.local is not None
    assert [len(place_map.local.of(index)) > 0 for index in range(4)] == [False, True, True, True]


def test_a_model_that_finds_nothing_anywhere_is_told(
    tmp_path: Path, model: OnnxLocalExtractor, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        """Its numbers overflow, as those of a network in half precision may."""

        info, sha256 = model.info, model.sha256

        def extract(self, image_rgb: ImageRgb) -> LocalFeatures:
            found = np.full((40, 2), np.nan, np.float32), np.full((40, 16), np.nan, np.float32)
            return local_features(self.info, *found, np.full(40, np.nan, np.float32), (128, 48))

    build_map(WallSource(track(4)), PixelExtractor(), tmp_path / "map", IN_TWOS, local_model=Broken())
    assert "corners 1 found no keypoint in any of 4 frames" in caplog.text
    PlaceMap.open(tmp_path / "map").verify()


def test_a_budget_that_fits_none_is_refused(tmp_path: Path, model: OnnxLocalExtractor) -> None:
    with pytest.raises(ConfigError, match="--local-bytes"):
        build(tmp_path / "map", WallSource(track(4)), model, BuildConfig(local_bytes=20))
    with pytest.raises(ConfigError, match="local_bits is 3"):
        BuildConfig(local_bits=3)
    assert not (tmp_path / "map").exists()


def test_fitting_that_cannot_be_is_told(
    tmp_path: Path, model: OnnxLocalExtractor, caplog: pytest.LogCaptureFixture
) -> None:
    fits = BuildConfig(0.0, 0.0, workers=1, refine_intrinsics=True)
    with pytest.raises(ConfigError, match="--refine-intrinsics fits intrinsics to local features"):
        build(tmp_path / "map", WallSource(track(4)), None, fits)
    build(tmp_path / "map", WallSource(track(4)), model, fits)
    assert "were not fitted: nobody knows any to begin with. Give them with --intrinsics FILE." in caplog.text
    known = CameraMount("camera", intrinsics=CameraIntrinsics.from_fov(128, 48))
    build(tmp_path / "other", WallSource(track(4), camera=known), model, fits)
    assert "were not fitted: too few of its frames match" in caplog.text
    build(tmp_path / "other", WallSource(track(3, 10.0), camera=known), model, fits, append=True)
    assert "were not fitted: an earlier session has this camera" in caplog.text


def test_the_misfit_of_a_map_is_that_of_all_its_sessions() -> None:
    assert _of_all(None, None, 0.25) is None
    assert (_of_all(2.0, None, 0.25), _of_all(None, 1.0, 0.25), _of_all(2.0, 1.0, 0.25)) == (2.0, 1.0, 1.75)


def test_a_map_without_them_is_added_to_by_a_model_that_finds_them_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody asked for local features: what was typed before the model had some goes on working."""
    both = tmp_path / "both.onnx"
    network = onnx.load(str(shipped_model_path()))
    network.metadata_props.add(key=LOCAL_KEY, value="never read")
    onnx.save(network, str(both))
    drive, more = write_drive(tmp_path / "drive", 0.0, 4), write_drive(tmp_path / "more", 8.0, 4)
    arguments = ["--model", str(both), "--output", str(tmp_path / "map")]
    assert command.main([str(drive), *arguments, "--no-local"]) == 0
    assert command.main([str(more), *arguments, "--append"]) == 0
    assert len(PlaceMap.open(tmp_path / "map")) == 8
    assert command.main([str(more), "--output", str(tmp_path / "other"), "--model", str(both)]) == 2
    assert LOCAL_KEY in capsys.readouterr().err


def test_the_command_keeps_them_and_inspect_map_shows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drive = write_drive(tmp_path / "drive", 0.0, 6)
    local = write_local_model(tmp_path / "local.onnx")
    arguments = [str(drive), "--output", str(tmp_path / "map"), "--local-model", str(local)]
    assert command.main([*arguments, "--no-local"]) == 2
    assert "Give one of the two" in capsys.readouterr().err
    assert command.main(arguments) == 0
    said = capsys.readouterr()
    assert f"next: {program('localize')} --ros-args -p map:={tmp_path / 'map'} -p local_model:={local}\n" in said.out
    assert "local features: corners 1, up to 40 keypoints of 16 x 4 bits, 652 bytes a frame; 0 % of" in said.out
    assert inspect_map.main([str(tmp_path / "map"), "--verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["local"]["bytes_per_frame"] == 652
    assert command.main([str(drive), "--output", str(tmp_path / "map"), "--overwrite", "--no-local"]) == 0
    assert PlaceMap.open(tmp_path / "map").local is None


def test_a_session_goes_on_to_a_map_from_before_its_model_gave_local_features(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drive, model = write_drive(tmp_path / "drive", 0.0, 6), both_heads(tmp_path / "both.onnx")
    arguments = [str(drive), "--output", str(tmp_path / "map"), "--model", str(model)]
    assert command.main([*arguments, "--no-local"]) == 0
    assert command.main([*arguments, "--append"]) == 0
    assert "the new session gets none" in caplog.text and "--add-local" in caplog.text
    assert PlaceMap.open(tmp_path / "map").local is None and len(PlaceMap.open(tmp_path / "map").manifest.sessions) == 2
