# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features for a map that was built without: from its recording, and nothing else of it changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from damaged_map import set_entry
from full_disk_command import write_drive
from older_map import make_first
from painted_wall import SPACING_M, GridFeatures, PixelExtractor, WallSource
from textured_plane import CAMERA, MOUNT, PlaneSource
from tiny_local_onnx import local_info, write_local_model

from vpr_ros.cli import build_map as command
from vpr_ros.cli import inspect_map
from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import FrameDecodeError, MapError
from vpr_ros.core.frames import CameraMount, FrameRecord, FrameSource, ImageRgb
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.inference import open_local_extractor
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.mapping.add_local import AddedLocal
from vpr_ros.mapping.builder import add_local
from vpr_ros.mapping.frames_in_recording import recorded_name
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.maps.local_store import LocalStore

IN_TWOS = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, workers=1, batch_size=2)
UNTOUCHED = ("descriptors.npy", "frames.csv")


class PowerCut(BaseException):
    """Ends a build as nothing that is handled would."""


class Partly:
    """A recording without one of its frames."""

    map_frame_id, datum, description, is_drive = "map", None, "partly", True

    def __init__(self, source: FrameSource, missing: int) -> None:
        self.cameras = source.cameras
        self._records = [record for number, record in enumerate(source) if number != missing]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[FrameRecord]:
        return iter(self._records)


class OtherGrid(GridFeatures):
    """The same features, called otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.sha256 = "f" * 64


class Cut(GridFeatures):
    """Finds features in some images, and then the power fails."""

    def __init__(self, images: int) -> None:
        super().__init__()
        self._left = images

    def extract(self, image_rgb: ImageRgb) -> LocalFeatures:
        """See ``GridFeatures``."""
        self._left -= 1
        if self._left < 0:
            raise PowerCut
        return super().extract(image_rgb)


def track(count: int, start_m: float = 0.0) -> list[float]:
    return [start_m + SPACING_M * number for number in range(count)]


def without(path: Path, *sources: FrameSource) -> PlaceMap:
    for number, source in enumerate(sources):
        build_map(source, PixelExtractor(), path, IN_TWOS, append=number > 0)
    return PlaceMap.open(path)


def add(path: Path, source: FrameSource, config: BuildConfig = IN_TWOS, *, resume: bool = False) -> AddedLocal:
    return add_local(source, PixelExtractor(), GridFeatures(), path, config, resume=resume)


def store(path: Path) -> LocalStore:
    place_map = PlaceMap.open(path)
    place_map.verify()
    assert place_map.local is not None
    return place_map.local


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def local_of(path: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(path).items() if name.startswith("local/")}


@pytest.mark.slow
def test_the_map_becomes_the_one_that_was_built_with_them(tmp_path: Path) -> None:
    source = replace(PlaneSource(), along_m=[0.1 * number for number in range(8)])
    corners = open_local_extractor(write_local_model(tmp_path / "local.onnx", local_info(120, 160, 150, 32)))
    build_map(source, PixelExtractor(), tmp_path / "with", IN_TWOS, local_model=corners)
    before = files(without(tmp_path / "map", source).path)
    manifest = PlaceMap.open(tmp_path / "map").manifest
    report = add_local(source, PixelExtractor(), corners, tmp_path / "map", IN_TWOS)
    assert (report.added, report.known, report.elsewhere, report.undecodable) == (8, 0, 0, 0)
    assert report.local is not None and report.local.share_with_depth > 0.2
    after = files(tmp_path / "map")
    assert {name: after[name] for name in before if name != "manifest.yaml"} == {
        name: content for name, content in before.items() if name != "manifest.yaml"
    }
    assert local_of(tmp_path / "map") == local_of(tmp_path / "with")
    kept = replace(PlaceMap.open(tmp_path / "map").manifest, local=None, manifest_sha256=manifest.manifest_sha256)
    assert kept == manifest
    assert not partial_path(tmp_path / "map").exists()
    again = add_local(source, PixelExtractor(), corners, tmp_path / "map", IN_TWOS)
    assert (again.added, again.known) == (0, 8) and files(tmp_path / "map") == after


def test_each_recording_gives_its_frames_theirs_also_where_both_count_from_the_same_time(tmp_path: Path) -> None:
    one, other = WallSource(track(9)), WallSource(track(9), seed=1)
    without(tmp_path / "map", one, other)
    report = add(tmp_path / "map", one)
    assert (report.added, report.elsewhere) == (9, 9)
    half = store(tmp_path / "map")
    assert [len(half.of(index)) > 0 for index in range(18)] == [True] * 9 + [False] * 9
    before = [half.of(index).descriptors for index in range(9)]
    report = add(tmp_path / "map", other)
    assert (report.added, report.known, report.elsewhere) == (9, 9, 0)
    whole = store(tmp_path / "map")
    for index in range(9):
        np.testing.assert_array_equal(whole.of(index).descriptors, before[index])
    assert all(len(whole.of(index)) for index in range(18))


def test_another_recording_is_refused_and_the_map_stays(tmp_path: Path) -> None:
    before = files(without(tmp_path / "map", WallSource(track(9))).path)
    for source, what in (
        (WallSource(track(9), seed=1), "what should be map frames are other pictures"),
        (WallSource(track(9), camera=CameraMount("rear")), r"no picture of a map frame .*cameras are camera\)"),
    ):
        with pytest.raises(MapError, match=f"is the recording of no session of map .*{what}"):
            add(tmp_path / "map", source)
    with pytest.raises(MapError, match="was built with model"):
        add_local(WallSource(track(9)), PixelExtractor(1), GridFeatures(), tmp_path / "map", IN_TWOS)
    assert files(tmp_path / "map") == before and not partial_path(tmp_path / "map").exists()


def test_frames_that_are_not_there_or_do_not_decode_are_counted_and_can_be_given_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without(tmp_path / "map", WallSource(track(9)))
    torn = WallSource(track(6), fails_at=2, failure=FrameDecodeError("a picture is torn", "Scan it again"))
    report = add(tmp_path / "map", torn)
    assert (report.added, report.elsewhere, report.undecodable) == (5, 3, 1)
    assert inspect_map.main([str(tmp_path / "map")]) == 0
    assert "4 frames have none yet" in " ".join(capsys.readouterr().out.replace("│", "").split())
    report = add(tmp_path / "map", WallSource(track(9)))
    assert (report.added, report.known) == (4, 5)
    assert all(len(store(tmp_path / "map").of(index)) for index in range(9))


def test_it_goes_on_after_a_power_cut_and_nothing_else_finishes_it(tmp_path: Path) -> None:
    before = files(without(tmp_path / "map", WallSource(track(9))).path)
    add(Path(shutil.copytree(tmp_path / "map", tmp_path / "whole")), WallSource(track(9)))
    with pytest.raises(PowerCut):
        add_local(WallSource(track(9)), PixelExtractor(), Cut(7), tmp_path / "map", IN_TWOS)
    assert files(tmp_path / "map") == before and partial_path(tmp_path / "map").exists()
    with pytest.raises(MapError, match="an interrupted build stands in"):
        add(tmp_path / "map", WallSource(track(9)))
    with pytest.raises(MapError, match=r"was to add local features to the map.*add --add-local"):
        build_map(WallSource(track(9)), PixelExtractor(), tmp_path / "map", IN_TWOS, append=True, resume=True)
    add(tmp_path / "map", WallSource(track(9)), resume=True)
    assert local_of(tmp_path / "map") == local_of(tmp_path / "whole")
    assert add(tmp_path / "map", WallSource(track(9)), resume=True).added == 0


def test_a_map_of_the_first_format_is_brought_to_the_current_one(tmp_path: Path) -> None:
    source = WallSource(track(5))
    without(tmp_path / "map", source)
    set_entry(tmp_path / "map", "format_version", 1)
    make_first(tmp_path / "map")
    report = add(tmp_path / "map", source)
    manifest = PlaceMap.open(tmp_path / "map").manifest
    assert report.added == 5 and manifest.format_version == FORMAT_VERSION and manifest.manifest_sha256
    assert manifest.thumbnails_sha256
    store(tmp_path / "map")


def test_intrinsics_that_the_map_lacks_are_the_recordings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unknown, known = CameraMount("camera"), CameraMount("camera", intrinsics=CAMERA)
    without(tmp_path / "map", WallSource(track(5), camera=unknown))
    add(tmp_path / "map", WallSource(track(5), camera=known))
    assert PlaceMap.open(tmp_path / "map").manifest.cameras == (known,)
    assert "keeps the intrinsics" not in caplog.text
    other = CameraMount("camera", intrinsics=CameraIntrinsics(128, 48, 100.0, 100.0, 80.0, 60.0))
    without(tmp_path / "known", WallSource(track(5), camera=known))
    add(tmp_path / "known", WallSource(track(5), camera=other))
    assert PlaceMap.open(tmp_path / "known").manifest.cameras == (known,)
    assert "keeps the intrinsics it has in the map" in caplog.text


def test_features_of_another_model_are_replaced_on_request_alone(tmp_path: Path) -> None:
    source = WallSource(track(5))
    build_map(source, PixelExtractor(), tmp_path / "map", IN_TWOS, local_model=OtherGrid())
    with pytest.raises(MapError, match=r"has local features of grid .*--add-local --overwrite"):
        add(tmp_path / "map", source)
    assert add(tmp_path / "map", source, replace(IN_TWOS, overwrite=True)).added == 5
    assert store(tmp_path / "map").sha256 == GridFeatures().sha256


@pytest.mark.slow
def test_frames_are_looked_at_anew_on_request_for_intrinsics_that_were_missing(tmp_path: Path) -> None:
    source = replace(PlaneSource(), along_m=[0.1 * number for number in range(6)])
    blind = replace(source, camera=CameraMount("camera", "optical", MOUNT))
    corners = open_local_extractor(write_local_model(tmp_path / "local.onnx", local_info(120, 160, 150, 32)))
    build_map(source, PixelExtractor(), tmp_path / "with", IN_TWOS, local_model=corners)
    build_map(blind, PixelExtractor(), tmp_path / "map", IN_TWOS, local_model=corners)
    assert store(tmp_path / "map").entry.with_depth == 0
    assert add_local(source, PixelExtractor(), corners, tmp_path / "map", IN_TWOS).added == 0
    over = replace(IN_TWOS, overwrite=True)
    assert add_local(source, PixelExtractor(), corners, tmp_path / "map", over).added == 6
    assert local_of(tmp_path / "map") == local_of(tmp_path / "with")


@pytest.mark.slow
def test_a_frame_that_comes_late_is_measured_with_those_that_are_there(tmp_path: Path) -> None:
    source = replace(PlaneSource(), along_m=[0.1 * number for number in range(7)])
    corners = open_local_extractor(write_local_model(tmp_path / "local.onnx", local_info(120, 160, 150, 32)))
    without(tmp_path / "map", source)
    late = Partly(source, missing=3)
    assert add_local(late, PixelExtractor(), corners, tmp_path / "map", IN_TWOS).elsewhere == 1
    early = [store(tmp_path / "map").files.features(index).depth_m for index in range(7)]
    assert not len(early[3]) and np.isfinite(early[2]).any()
    assert add_local(source, PixelExtractor(), corners, tmp_path / "map", IN_TWOS).added == 1
    found = [store(tmp_path / "map").files.features(index).depth_m for index in range(7)]
    assert np.isfinite(found[3]).mean() > 0.3
    for index in (0, 1, 2, 4, 5, 6):
        np.testing.assert_array_equal(found[index], early[index])


def test_what_is_looked_at_anew_and_torn_by_now_stays_as_it_was(tmp_path: Path) -> None:
    one, other = WallSource(track(5)), WallSource(track(5), seed=1)
    for number, source in enumerate((one, other)):
        build_map(source, PixelExtractor(), tmp_path / "map", IN_TWOS, append=number > 0, local_model=GridFeatures())
    before = local_of(tmp_path / "map")
    torn = replace(one, fails_at=2, failure=FrameDecodeError("a picture is torn", "Scan it again"))
    add(tmp_path / "map", torn, replace(IN_TWOS, overwrite=True))
    assert local_of(tmp_path / "map") == before


def test_a_folder_whose_times_were_the_trajectorys_is_known_by_its_images(tmp_path: Path) -> None:
    @dataclass
    class Timeless(WallSource):
        """As a folder is read without its trajectory: times made up from the order."""

        def __iter__(self) -> Iterator[FrameRecord]:
            for number, record in enumerate(super().__iter__()):
                yield replace(record, stamp_ns=number * 33_333_333, T_map_base=None)

    without(tmp_path / "map", WallSource(track(9)))
    report = add(tmp_path / "map", Timeless(track(9)))
    assert (report.added, report.elsewhere) == (9, 0)


def test_a_camera_of_the_map_is_called_as_in_the_recording() -> None:
    assert recorded_name("front (2)", ["rear", "front"]) == "front"
    assert recorded_name("front (2)", ["front", "front (2)"]) == "front (2)"
    assert recorded_name("left", ["front"]) is None


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drive, output = write_drive(tmp_path / "drive", 0.0, 6), str(tmp_path / "map")
    assert command.main([str(drive), "--output", output, "--no-local"]) == 0
    before = {name: (tmp_path / "map" / name).read_bytes() for name in UNTOUCHED}
    adding = [str(drive), "--output", output, "--add-local"]
    assert command.main([*adding, "--append"]) == 2
    assert "--add-local and --append" in capsys.readouterr().err
    assert command.main(adding) == 0  # the model of the map finds some itself
    assert "6 of 6 frames got local features" in capsys.readouterr().out
    other = ["--local-model", str(write_local_model(tmp_path / "local.onnx")), "--overwrite"]
    assert command.main([*adding, *other]) == 0
    assert "6 of 6 frames got local features" in capsys.readouterr().out
    assert {name: (tmp_path / "map" / name).read_bytes() for name in UNTOUCHED} == before
    store(tmp_path / "map")
