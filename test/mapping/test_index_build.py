# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The index of a map: made, asked, damaged, made anew; whatever it is, answers are those of its descriptors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from damaged_map import edit as edit_manifest
from painted_wall import EVERY_FRAME, GridFeatures, PixelExtractor, WallSource

from vpr_ros.cli import build_map as build_command
from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.core.hashing import file_sha256
from vpr_ros.mapping import BuildConfig, build_map, index_choice
from vpr_ros.mapping.builder import add_local
from vpr_ros.mapping.care.edit import Edit, carry_out
from vpr_ros.mapping.care.selection import selected
from vpr_ros.mapping.index_build import reindex
from vpr_ros.mapping.index_choice import COMPRESSED_FROM, LISTS_FROM, index_plans, number_of_lists
from vpr_ros.maps import PlaceMap, compressed_index, frame_table
from vpr_ros.maps.index_entry import INDEX_NAME
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.search import exact_search

KINDS = ("compressed", "lists")
has_rabitq = pytest.mark.skipif(not index_choice.HAS_RABITQ, reason=f"faiss {faiss.__version__} has no RaBitQ")


@pytest.fixture(scope="module", params=KINDS)
def indexed(request: pytest.FixtureRequest, wall_map: PlaceMap, tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    path = Path(shutil.copytree(wall_map.path, tmp_path_factory.mktemp(request.param) / "map"))
    return reindex(path, request.param, None)


@pytest.fixture
def broken(indexed: PlaceMap, tmp_path: Path) -> Path:
    return Path(shutil.copytree(indexed.path, tmp_path / "map"))


def asked(place_map: PlaceMap) -> npt.NDArray[np.float32]:
    """What is seen between the frames, nearer to one of two."""
    rows = place_map.descriptors[1:] + 0.6 * place_map.descriptors[:-1]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_it_finds_what_is_most_alike_and_how_alike_that_is(indexed: PlaceMap, wall_map: PlaceMap) -> None:
    entry = indexed.manifest.index
    assert entry is not None and entry.kind == indexed.index.kind == entry.asked
    assert entry.recall is not None and entry.recall >= entry.wanted_recall == 0.99 and entry.questions == 80
    assert entry.kind == "compressed" or 1 <= entry.nprobe <= 10
    found, exact = indexed.search(asked(wall_map), 20), wall_map.search(asked(wall_map), 20)
    assert np.mean(found.indices[:, 0] == exact.indices[:, 0]) >= 0.98
    cosines = np.sum(asked(wall_map)[:, None] * wall_map.descriptors[found.indices], axis=-1)
    np.testing.assert_allclose(found.similarities, cosines, atol=1e-6)
    assert (np.diff(found.similarities, axis=1) <= 0).all() and not map_warnings(indexed)[1:]
    assert entry.words in str(indexed.index.state())
    indexed.verify()


@pytest.mark.parametrize("few", [0, 5000], ids=["selector", "every descriptor"])
def test_a_gate_lets_nothing_else_through(indexed: PlaceMap, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(compressed_index, "FEW_ALLOWED", few)
    allowed = np.r_[2:9, 30:75:3].astype(np.int64)
    found = indexed.search(asked(indexed)[:12], 5, allowed)
    exact = exact_search(indexed.descriptors, asked(indexed)[:12], 5, allowed)
    assert np.isin(found.indices, allowed).all()
    np.testing.assert_array_equal(found.indices, exact.indices)
    assert indexed.search(asked(indexed)[:2], 5, allowed[:3]).indices.shape == (2, 3)


def test_a_copy_in_memory_is_searched_alike(indexed: PlaceMap) -> None:
    one, other = indexed.search(asked(indexed), 3), indexed.in_memory().search(asked(indexed), 3)
    np.testing.assert_array_equal(one.indices, other.indices)


def flip(path: Path) -> None:
    content = bytearray((path / INDEX_NAME).read_bytes())
    content[len(content) // 2] ^= 1
    (path / INDEX_NAME).write_bytes(content)


def sealed_anew(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda path: edit_manifest(path, lambda plain: change(plain["index"]))


def of_another_map(path: Path) -> None:
    """Its file and its hashes, as somebody may have copied them."""
    codes: Any = faiss.index_factory(96, "RaBitQ" if index_choice.HAS_RABITQ else "SQ8", faiss.METRIC_INNER_PRODUCT)
    rows = np.eye(96, dtype=np.float32)
    codes.train(rows)
    codes.add(rows)
    content = faiss.serialize_index(codes).tobytes()
    put_index(path, content)


def put_index(path: Path, content: bytes) -> None:
    (path / INDEX_NAME).write_bytes(content)
    file = {"size_bytes": len(content), "sha256": file_sha256(path / INDEX_NAME), "fingerprint": ""}
    edit_manifest(path, lambda plain: plain["index"].update(file=file))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: (path / INDEX_NAME).unlink(), "is missing"),
    "truncated": (lambda path: os.truncate(path / INDEX_NAME, 100), "has 100 bytes"),
    "one bit": (flip, "is corrupt"),
    "no index": (lambda path: put_index(path, b"IxNo" + bytes(60)), "cannot read"),
    "of another map": (of_another_map, "of"),
    "of other descriptors": (sealed_anew(lambda entry: entry.update(descriptors_sha256="0" * 64)), "other descriptors"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_and_costs_no_answer_and_one_command_mends_it(broken: Path, damage: str) -> None:
    damaged, words = DAMAGE[damage]
    damaged(broken)
    opened = PlaceMap.open(broken)
    fault = opened.index.fault
    assert fault is not None and "--reindex" in fault.remedy and opened.index.kind == "exact"
    assert words in fault.problem
    assert any(fault.problem in warning for warning in map_warnings(opened))
    exact = exact_search(opened.descriptors, asked(opened), 4)
    np.testing.assert_array_equal(opened.search(asked(opened), 4).indices, exact.indices)
    with pytest.raises(MapError, match="reindex"):
        opened.verify()
    mended = reindex(broken, None, None)
    assert mended.index.fault is None and mended.index.kind == opened.manifest.index.kind  # type: ignore[union-attr]


def test_more_lists_than_there_are(broken: Path) -> None:
    edit_manifest(broken, lambda plain: plain["index"].update(nprobe=77))
    opened = PlaceMap.open(broken)
    if opened.manifest.index is not None and opened.manifest.index.kind == "lists":
        assert "nprobe is 77" in str(opened.index.fault) and "--reindex" in str(opened.index.fault)


def test_a_file_that_this_faiss_cannot_read_says_what_helps(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_content: object) -> object:
        raise RuntimeError("Index type 0x71727849 not recognized")

    monkeypatch.setattr(faiss, "deserialize_index", unknown)
    fault = str(PlaceMap.open(broken).index.fault)
    assert "not recognized" in fault and "Update faiss" in fault and "--reindex" in fault


def test_what_is_asked_for_is_kept_as_the_map_grows(tmp_path: Path) -> None:
    path, config = tmp_path / "map", replace(EVERY_FRAME, index="compressed", recall=0.9)
    build_map(WallSource([0.5 * step for step in range(24)]), PixelExtractor(), path, config)
    build_map(WallSource([0.3 + 0.5 * step for step in range(6)]), PixelExtractor(), path, EVERY_FRAME, append=True)
    grown = PlaceMap.open(path)
    entry = grown.manifest.index
    assert len(grown) == 30 and grown.index.kind == "compressed" and entry is not None and entry.wanted_recall == 0.9
    add_local(WallSource([0.5 * step for step in range(24)]), PixelExtractor(), GridFeatures(), path, EVERY_FRAME)
    assert PlaceMap.open(path).index.kind == "compressed"
    kept = np.arange(3, 27)
    carry_out(Edit("drop", (path,), path, True, {"rows": kept.tolist()}), lambda maps: selected(maps[0], kept))
    edited = PlaceMap.open(path)
    assert len(edited) == 24 and edited.index.kind == "compressed" and edited.index.fault is None
    exact = reindex(path, "exact", None)
    assert exact.index.kind == "exact" and not (path / INDEX_NAME).exists()
    assert reindex(path, "auto", None).manifest.index is None


def test_the_numbers_of_a_long_table_are_kept_apart_and_the_table_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_table, "MANY_FRAMES", 4)
    track = [0.5 * step for step in range(12)]
    built = build_map(WallSource(track), PixelExtractor(), tmp_path / "map", EVERY_FRAME).path
    add_local(WallSource(track), PixelExtractor(), GridFeatures(), built, EVERY_FRAME)
    kept = np.arange(2, 10)
    carry_out(Edit("drop", (built,), built, True, {"rows": kept.tolist()}), lambda maps: selected(maps[0], kept))
    from_table = frame_table.read_frame_table(built / "frames.csv", ("/front",))
    with monkeypatch.context() as without_table:
        without_table.delattr(frame_table, "_read_numbers")
        opened = PlaceMap.open(built)
    np.testing.assert_array_equal(opened.frames.position_m, from_table.position_m)
    assert opened.frames.name(3) == from_table.names[3] == "0005" and len(opened) == 8
    opened.verify()
    content = bytearray((built / "frames.npy").read_bytes())
    content[-9] ^= 1
    (built / "frames.npy").write_bytes(content)
    damaged = PlaceMap.open(built)
    np.testing.assert_array_equal(damaged.frames.quat_xyzw, from_table.quat_xyzw)
    with pytest.raises(MapError, match=r"frames\.npy is corrupt"):
        damaged.verify()


def test_a_disk_that_refuses_leaves_the_index_that_was_there(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = (broken / INDEX_NAME).read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MapError, match="cannot be written"):
        reindex(broken, None, None)
    assert (broken / INDEX_NAME).read_bytes() == before and not list(broken.glob("*.new"))


@has_rabitq
def test_the_size_decides() -> None:
    def of(frames: int) -> list[str]:
        return [plan.kind for plan in index_plans("auto", frames)]

    assert of(COMPRESSED_FROM - 1) == ["exact"] and of(COMPRESSED_FROM) == ["compressed", "exact"]
    assert of(LISTS_FROM) == ["lists", "compressed", "exact"]
    assert [number_of_lists(frames) for frames in (1, 80, 50_000, 1_000_000)] == [1, 10, 512, 2048]


def test_without_rabitq_lists_keep_a_byte_of_each_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_choice, "HAS_RABITQ", False)
    assert [plan.kind for plan in index_plans("auto", LISTS_FROM - 1)] == ["exact"]
    assert [plan.method for plan in index_plans("auto", LISTS_FROM)] == ["IVF512,SQ8", ""]


def test_what_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="one of auto, exact, compressed, lists"):
        BuildConfig(index="hnsw")


def test_the_command(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_command.main(["--reindex", str(copy), "--index", "lists", "--recall", "0.95"]) == 0
    assert "80 frames, index lists (IVF10," in capsys.readouterr().out
    assert build_command.main(["--reindex", str(copy), "--output", "x"]) == 2
    assert build_command.main([str(copy)]) == 2
