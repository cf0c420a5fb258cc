# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``local/`` of a map: what goes in comes out as exactly as it says, old maps have none, damage is one error."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from damaged_map import edit, put, set_entry
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map
from tiny_local_onnx import write_local_model

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.inference import open_extractor, open_local_extractor
from vpr_ros.localization import LocalizerConfig
from vpr_ros.localization.local_model import local_extractor_for
from vpr_ros.mapping import build_map
from vpr_ros.mapping.upkeep import upgrade
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.local_codec import (
    DESCRIPTORS,
    KEYPOINTS,
    LocalLayout,
    decode_keypoints,
    encode,
    pack,
    unpack,
)
from vpr_ros.maps.local_store import LOCAL_NAME
from vpr_ros.maps.manifest import rewrite_manifest

LEAST_COSINE = {8: 0.9999, 4: 0.99, 2: 0.88, 1: 0.7}
"""Of a descriptor and what is read of it, on average: 64 numbers of a bell curve."""
RNG = np.random.default_rng(0)


def unit(count: int, dim: int) -> np.ndarray:  # type: ignore[type-arg]
    rows = RNG.standard_normal((count, dim)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of eight frames with local features."""
    folder = tmp_path_factory.mktemp("small")
    model = open_local_extractor(write_local_model(folder / "local.onnx"))
    source = WallSource([0.5 * number for number in range(8)])
    build_map(source, PixelExtractor(), folder / "map", EVERY_FRAME, local_model=model)
    return folder / "map"


@pytest.fixture
def copy(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "map"))


@pytest.mark.parametrize("bits", sorted(LEAST_COSINE))
@pytest.mark.parametrize("dim", [64, 61])
def test_descriptors_keep_their_direction(bits: int, dim: int) -> None:
    rows = unit(200, dim)
    packed = pack(rows, bits)
    assert packed.shape == (200, -(-dim * bits // 8)) and packed.dtype == np.uint8
    again = unpack(packed, dim, bits)
    np.testing.assert_allclose(np.linalg.norm(again, axis=1), 1.0, atol=1e-6)
    assert (rows * again).sum(axis=1).mean() > LEAST_COSINE[bits]
    anything = unpack(RNG.integers(0, 256, packed.shape).astype(np.uint8), dim, bits)
    np.testing.assert_allclose(np.linalg.norm(anything, axis=1), 1.0, atol=1e-6)


def test_levels_are_where_the_documentation_says() -> None:
    packed = pack(np.array([[1.0, -1.0, 0.1, -0.5]], np.float32), 4)
    assert packed.tolist() == [[0xF0, 0x84]]
    expected = np.array([15, -15, 1, -7]) / np.linalg.norm([15, -15, 1, -7])
    np.testing.assert_allclose(unpack(packed, 4, 4)[0], expected, atol=1e-6)


def test_the_best_that_fit_are_kept_and_keypoints_to_a_hundredth() -> None:
    layout = LocalLayout.within(16_000, 500, 64, 4)
    assert layout == LocalLayout(399, 64, 4) and layout.bytes_per_frame == 15_972
    assert sum(int(np.prod(shape)) * np.dtype(kind).itemsize for shape, kind in layout.rows.values()) == 15_972
    keypoints = RNG.uniform(-0.5, 639.49, (500, 2)).astype(np.float32)
    keypoints[:, 1] *= 0.75
    scores = np.linspace(1.0, 0.1, 500, dtype=np.float32)
    rows = encode(layout, LocalFeatures(keypoints, unit(500, 64), scores), 640, 480)
    assert rows["sizes.npy"].tolist() == [399, 640, 480]
    np.testing.assert_allclose(decode_keypoints(rows[KEYPOINTS], 640, 480), keypoints[:399], atol=0.01)
    np.testing.assert_allclose(rows["scores.npy"], scores[:399], rtol=1e-3)
    with pytest.raises(ConfigError, match=r"found 50 bytes .* takes 52"):
        LocalLayout.within(50, 500, 64, 4)


def test_a_map_without_local_features_has_none_and_of_format_2_too(tmp_path: Path) -> None:
    folder = build_wall_map(tmp_path / "map", WallSource([0.0, 0.5, 1.0])).path
    assert PlaceMap.open(folder).local is None and not (folder / "local").exists()
    edit(folder, lambda plain: (plain.pop("local"), plain.update(format_version=2)))
    assert PlaceMap.open(folder).local is None
    assert upgrade(folder).manifest.format_version == FORMAT_VERSION
    assert yaml.safe_load((folder / "manifest.yaml").read_text())["local"] is None
    edit(folder, lambda plain: plain.pop("local"))
    with pytest.raises(MapError, match="the entry 'local' is missing"):
        PlaceMap.open(folder)


def test_what_is_read_is_what_the_model_found(small: Path) -> None:
    place_map = PlaceMap.open(small)
    assert place_map.local is not None and place_map.manifest.local is not None
    model = open_local_extractor(small.parent / "local.onnx")
    assert place_map.local.sha256 == model.sha256
    for index, record in enumerate(WallSource([0.5 * number for number in range(8)])):
        found, expected = place_map.local.of(index), model.extract(record.load_image())
        np.testing.assert_allclose(found.keypoints_px, expected.keypoints_px, atol=0.002)
        assert (found.descriptors * expected.descriptors).sum(axis=1).min() > 0.97
    assert place_map.in_memory().local is place_map.local
    with pytest.raises(MapError, match="8 frames, 8 was asked for"):
        place_map.local.of(8)


def test_an_open_map_outlives_its_replacement_and_says_when_it_was_cut_short(copy: Path) -> None:
    opened = PlaceMap.open(copy)
    assert opened.local is not None
    expected = opened.local.of(7).keypoints_px
    shutil.move(copy, copy.with_name("elsewhere"))
    np.testing.assert_array_equal(opened.local.of(7).keypoints_px, expected)
    with (copy.with_name("elsewhere") / "local" / KEYPOINTS).open("r+b") as stream:
        stream.truncate(300)
    with pytest.raises(MapError, match=r"keypoints.npy: frame 7 has \d+ bytes, expected"):
        opened.local.of(7)


@pytest.mark.parametrize(
    ("entry", "value", "found"),
    [
        ("local.bits", 3, "bits is 3"),
        ("local.keypoints", 10**9, "keypoints is 1000000000"),
        ("local.dim", 17, "bytes_per_frame is"),
        ("local.with_depth", 10**6, "with_depth is 1000000"),
        ("local.epipolar_px", float("nan"), "epipolar_px is nan"),
        ("local.files", {}, "no entry sizes.npy"),
        ("local.given_intrinsics", {"camera": {}}, "given_intrinsics: found intrinsics that are no table"),
        ("local.model", 7, "model is 7"),
        ("local", [1], "local is a list"),
    ],
)
def test_a_manifest_that_cannot_be_is_named(copy: Path, entry: str, value: object, found: str) -> None:
    set_entry(copy, entry, value)
    with pytest.raises(MapError, match=found):
        PlaceMap.open(copy)


def test_descriptors_of_another_length_than_the_model_s_are_refused(copy: Path, small: Path) -> None:
    """Fifteen numbers of four bits take as many bytes as sixteen: nothing else shows it."""
    set_entry(copy, "local.dim", 15)
    opened, model = PlaceMap.open(copy), small.parent / "local.onnx"
    with pytest.raises(MapError, match="have 15 numbers, those of the model that found them have 16"):
        local_extractor_for(opened, LocalizerConfig(), open_extractor(), model)
    with pytest.raises(MapError, match="have 15 numbers"):
        build_map(
            WallSource([9.0, 9.5]),
            PixelExtractor(),
            copy,
            EVERY_FRAME,
            append=True,
            local_model=open_local_extractor(model),
        )
    assert local_extractor_for(PlaceMap.open(small), LocalizerConfig(), open_extractor(), model) is not None


def test_intrinsics_that_cannot_be_of_the_frame_s_size_are_unknown(copy: Path) -> None:
    for focal_px, sides in ((1e9, (8, 3)), (100.0, (128, 50))):
        whole = CameraIntrinsics(*sides, focal_px, focal_px, 4.0, 1.0)
        set_entry(copy, "cameras.0.intrinsics", whole.to_dict())
        opened = PlaceMap.open(copy)
        assert opened.local is not None
        found = opened.local.of(0)
        assert found.intrinsics is None and found.size_px == (128, 48) and np.isnan(found.position_m).all()


def test_damage_is_named_where_it_is(copy: Path) -> None:
    path = copy / "local" / DESCRIPTORS
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(MapError, match=r"descriptors.npy has \d+ bytes, the manifest says"):
        PlaceMap.open(copy)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(MapError, match=r"descriptors.npy is corrupt"):
        PlaceMap.open(copy)
    path.unlink()
    with pytest.raises(MapError, match=r"local/descriptors.npy is missing"):
        PlaceMap.open(copy)
    path.symlink_to("/etc/passwd")
    with pytest.raises(MapError, match="leads out of the map"):
        PlaceMap.open(copy)


def test_a_count_that_is_wrong_shows_when_all_is_read(copy: Path) -> None:
    set_entry(copy, "local.with_depth", 1)
    with pytest.raises(MapError, match=r"0 of them with depth, the manifest says \d+ and 1"):
        PlaceMap.open(copy).verify()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_local_files_of_any_bytes_work_or_are_one_error(copy: Path, seed: int) -> None:
    rng = random.Random(seed)
    name = rng.choice(sorted(path.name for path in (copy / "local").iterdir()))
    content = bytearray((copy / "local" / name).read_bytes())
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(128 if rng.random() < 0.3 else len(content))
        match rng.randrange(3):
            case 0:
                content[place] = rng.randrange(256)
            case 1:
                del content[place : place + rng.randrange(1, 300)]
            case _:
                content[place:place] = rng.randbytes(rng.randrange(1, 20))
    put(copy, f"local/{name}", bytes(content))
    try:
        opened = PlaceMap.open(copy)
        assert opened.local is not None
        for index in range(8):
            found = opened.local.of(index)
            assert np.isfinite(found.descriptors).all() and np.isfinite(found.keypoints_px).all()
        opened.verify()
    except MapError as error:
        assert error.remedy and len(str(error)) < 2000 + len(str(copy))


def test_a_robot_that_asks_a_server_may_do_without_local_features(copy: Path) -> None:
    entry = IndexEntry("remote", asked=(uri := "milvus://h:1/m"), method="HNSW", nprobe=64, uri=uri)
    rewrite_manifest(copy, sealed=True, index=entry.to_dict())
    assert PlaceMap.open(copy).local is not None
    shutil.rmtree(copy / LOCAL_NAME)
    assert PlaceMap.open(copy).local is None
