# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Opening a map: what is whole opens, and what is not says what was found, what was expected and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_map import edit, put
from painted_wall import PixelExtractor, WallSource, build_wall_map, paint, view

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount
from vpr_ros.core.hashing import file_fingerprint
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import BuildConfig
from vpr_ros.maps import PlaceMap, place_map
from vpr_ros.maps.format import FORMAT_VERSION


def put_array(folder: Path, array: np.ndarray[Any, Any]) -> None:
    np.save(folder / "descriptors.npy", array)
    put(folder, "descriptors.npy", (folder / "descriptors.npy").read_bytes())


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(MapError) as caught:
        PlaceMap.open(folder)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy


def test_a_map_holds_what_went_in(wall_map: PlaceMap) -> None:
    assert len(wall_map) == wall_map.manifest.frames == 80
    assert wall_map.descriptors.shape == (80, 96) and wall_map.descriptors.dtype == np.float32
    assert wall_map.pose(7).distance_m(Pose((3.5, 0.0, 0.0))) < 1e-9
    assert wall_map.frames.names[7] == "0007" and wall_map.frames.stamp_ns[7] == 700_000_000
    expected = PixelExtractor().describe(view(paint(), 3.5))[0]
    np.testing.assert_allclose(wall_map.descriptors[7], expected, atol=1e-5)


def test_thumbnails_show_their_frame(wall_map: PlaceMap) -> None:
    small = wall_map.thumbnail(7)
    assert small is not None and small.shape == (60, 160, 3)
    seen = small.mean(axis=(0, 1))
    np.testing.assert_allclose(seen, view(paint(), 3.5).mean(axis=(0, 1)), atol=4.0)
    assert wall_map.thumbnail(80) is None


def test_another_map_in_its_place_shows_none_of_its_frames(wall_map: PlaceMap, tmp_path: Path) -> None:
    place = tmp_path / "map"
    shutil.copytree(wall_map.path, place)
    opened = PlaceMap.open(place)
    place.rename(tmp_path / "old")
    shutil.copytree(wall_map.path, place)
    assert opened.thumbnail(7) is None and PlaceMap.open(place).thumbnail(7) is not None


def test_a_map_without_thumbnails_has_none(tmp_path: Path) -> None:
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, thumbnails=False, workers=1)
    bare = build_wall_map(tmp_path / "map", WallSource([0.0, 0.5]), config)
    assert bare.thumbnail(0) is None and bare.manifest.thumbnails == 0


def test_mounts_by_camera_name(tmp_path: Path) -> None:
    camera = CameraMount("/front", "front_optical", Pose((0.2, 0.0, 1.1)))
    opened = build_wall_map(tmp_path / "map", WallSource([0.0, 0.5], camera=camera))
    assert opened.mount("/front") == camera
    assert opened.mount("/rear") is None


def test_how_a_camera_sees_is_kept(tmp_path: Path) -> None:
    intrinsics = CameraIntrinsics(6, 4, 5.0, 5.5, 2.5, 1.5, Lens.KANNALA_BRANDT, (0.1, -0.2, 0.0, 1e-7))
    camera = CameraMount("/front", "front_optical", None, intrinsics)
    assert build_wall_map(tmp_path / "map", WallSource([0.0, 0.5], camera=camera)).mount("/front") == camera
    unknown = build_wall_map(tmp_path / "unknown", WallSource([0.0, 0.5]))
    assert unknown.manifest.cameras[0].intrinsics is None


def test_a_replaced_map_is_not_current(copy: Path) -> None:
    opened = PlaceMap.open(copy)
    assert opened.is_current()
    shutil.rmtree(copy)
    assert not opened.is_current()
    assert opened.search(opened.descriptors[:1].astype(np.float32), 1).indices.tolist() == [[0]]


def test_a_map_larger_than_the_memory_that_is_free(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_map, "available_bytes", lambda: 20_000)
    refused(copy, "needs 0 MiB", "edit_map prune")
    monkeypatch.setattr(place_map, "available_bytes", lambda: None)  # where nobody says
    assert len(PlaceMap.open(copy)) == 80


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("nothing", ("does not exist", "build_map")),
        ("file", ("is a file, not a folder", "build_map")),
        ("empty folder", ("no manifest.yaml", "build_map")),
    ],
)
def test_what_is_no_map(tmp_path: Path, found: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "map"
    if found == "file":
        path.write_text("")
    elif found == "empty folder":
        path.mkdir()
    refused(path, str(path), *words)


def test_a_newer_format(copy: Path) -> None:
    edit(copy, lambda plain: plain.update(format_version=FORMAT_VERSION + 1))
    refused(copy, f"format {FORMAT_VERSION + 1}", f"up to {FORMAT_VERSION}", "Update vpr_ros")


@pytest.mark.parametrize("key", ["frame_id", "frames", "dtype", "model", "sessions", "cameras", "files", "calibration"])
def test_a_missing_entry_is_named(copy: Path, key: str) -> None:
    edit(copy, lambda plain: plain.pop(key))
    refused(copy, f"'{key}'", "missing", "build the map again")


@pytest.mark.parametrize(
    ("key", "value"), [("frames", "many"), ("cameras", 3), ("model", {"preprocessing": 1}), ("calibration", {})]
)
def test_an_entry_of_another_kind(copy: Path, key: str, value: object) -> None:
    edit(copy, lambda plain: plain.update({key: value}))
    refused(copy, "again")


@pytest.mark.parametrize("text", ["- a list", "{half", "\x00"])
def test_a_manifest_that_is_no_table(copy: Path, text: str) -> None:
    (copy / "manifest.yaml").write_text(text)
    refused(copy, "manifest.yaml", "build the map again")


def test_a_calibration_that_is_not_finite(copy: Path) -> None:
    edit(copy, lambda plain: plain["calibration"].update(bias=float("nan")))
    refused(copy, "calibration", "finite", "again")


@pytest.mark.parametrize("name", ["frames.csv", "descriptors.npy"])
def test_a_missing_file(copy: Path, name: str) -> None:
    (copy / name).unlink()
    refused(copy, name, "is missing", "build the map again")


@pytest.mark.parametrize("name", ["frames.csv", "descriptors.npy"])
def test_a_changed_byte(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    expected = file_fingerprint(copy / name)[:16]
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    refused(copy, name, file_fingerprint(copy / name)[:16], expected, "build the map again")


@pytest.mark.parametrize("name", ["frames.csv", "descriptors.npy"])
def test_a_truncated_file(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-10])
    refused(copy, name, f"{len(content) - 10} bytes", f"{len(content)}", "build the map again")


@pytest.mark.parametrize(
    ("shape", "dtype"), [((80, 95), "float32"), ((79, 96), "float32"), ((80, 96), "float64"), ((80, 96), "float16")]
)
def test_descriptors_of_another_shape_or_type(copy: Path, shape: tuple[int, int], dtype: str) -> None:
    put_array(copy, np.full(shape, 1 / np.sqrt(shape[1]), dtype=dtype))
    refused(copy, f"{shape} {dtype}", "(80, 96) float32", "build the map again")


@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN"), (2.0, "length")])
def test_a_row_that_is_no_descriptor(copy: Path, value: float, words: str) -> None:
    rows = np.load(copy / "descriptors.npy")
    rows[5] = value
    put_array(copy, rows)
    refused(copy, "row 5", words, "build the map again")


def test_descriptors_are_never_unpickled(copy: Path) -> None:
    np.save(copy / "descriptors.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    put(copy, "descriptors.npy", (copy / "descriptors.npy").read_bytes())
    refused(copy, "not a numpy array")


def test_more_frames_than_the_manifest_says(copy: Path) -> None:
    edit(copy, lambda plain: plain.update(frames=79))
    refused(copy, "80 rows", "79", "build the map again")


def test_another_model_is_refused_with_both_names(wall_map: PlaceMap) -> None:
    mine, other = PixelExtractor(), PixelExtractor(seed=1, dim=16)
    wall_map.check_model(mine.info, mine.sha256)
    with pytest.raises(MapError) as caught:
        wall_map.check_model(other.info, other.sha256)
    for word in (mine.sha256, other.sha256, "descriptor_dim 96 in the map, 16 in the model", "build_map"):
        assert word in str(caught.value)


def test_verify_reads_what_opening_only_samples(wall_map: PlaceMap, copy: Path) -> None:
    wall_map.verify()
    edit(copy, lambda plain: plain["files"]["frames.csv"].update(sha256="0" * 64))
    with pytest.raises(MapError, match=r"frames\.csv is corrupt"):
        PlaceMap.open(copy).verify()
