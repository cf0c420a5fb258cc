# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Maps as large as one likes: like the real one, written as the real one, and what a search of them costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vpr_ros.cli import benchmark_search
from vpr_ros.evaluation.search.growth import SearchRow, growth
from vpr_ros.evaluation.search.large_map import write_large_map
from vpr_ros.mapping.likeness import Likeness
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.descriptor_file import Descriptors
from vpr_ros.maps.search import exact_search

ROW = SearchRow(1000, 96, "exact float16", 1.0, 2.0, 192.0, 1.0, 1.0, 0.1, 1.0, 1.0, 1.0, 0.9, 0.9)


@pytest.fixture(scope="module")
def likeness(wall_map: PlaceMap) -> Likeness:
    return Likeness.of(wall_map.descriptors.astype(np.float32))


def cosines(rows: Descriptors, apart: int) -> float:
    return float(np.median(np.sum(rows[apart:] * rows[:-apart], axis=1)))


def test_a_longer_drive_is_as_the_real_one(likeness: Likeness, wall_map: PlaceMap) -> None:
    numbers = np.concatenate(list(likeness.drive(4000, np.random.default_rng(0))))
    made, real = likeness.descriptors(numbers), wall_map.descriptors
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1.0, atol=1e-5)
    assert abs(cosines(made, 1) - cosines(real, 1)) < 0.1 and abs(cosines(made, 40) - cosines(real, 40)) < 0.15
    assert cosines(made, 1) > cosines(made, 40) + 0.2


def test_more_numbers_leave_the_angles_as_they_are(likeness: Likeness) -> None:
    rng = np.random.default_rng(1)
    numbers = rng.standard_normal((5, len(likeness.spread))).astype(np.float32)
    one, other = likeness.descriptors(numbers), likeness.widened(200, rng).descriptors(numbers)
    assert other.shape == (5, 200)
    np.testing.assert_allclose(other @ other.T, one @ one.T, atol=1e-4)


def test_what_is_written_opens_and_is_asked_hard_questions(
    likeness: Likeness, wall_map: PlaceMap, tmp_path: Path
) -> None:
    made = write_large_map(tmp_path, wall_map.manifest, likeness, 2000, 60, ("float16", "float32"))
    half, full = (PlaceMap.open(made.folders[dtype]) for dtype in ("float16", "float32"))
    half.verify()
    assert len(half) == len(full) == 2000 and half.frames.name(1999) == "0001999"
    np.testing.assert_allclose(half.descriptors, full.descriptors, atol=1e-3)
    np.testing.assert_array_equal(exact_search(half.descriptors, made.queries, 20).indices[:, 0], made.best[:, 0])
    assert 0.6 < made.right < 1.0


def test_the_power_by_which_a_cost_grows() -> None:
    exact = [replace(ROW, frames=frames, p50_ms=frames / 1e3) for frames in (1000, 10_000)]
    indexed = [
        replace(ROW, index="lists", frames=frames, p50_ms=(frames / 1e3) ** 0.5, anonymous_mib=frames / 1e3)
        for frames in (10_000, 100_000, 1_000_000)
    ]
    found = {(one.what, one.since): one.exponent for one in growth([*exact, *indexed])}
    assert found["exact float16, time", 1000] == pytest.approx(1.0)
    assert found["by index, time", 10_000] == pytest.approx(0.5)
    assert found["by index, time", 100_000] == pytest.approx(0.5)
    assert found["by index, anonymous memory", 100_000] == pytest.approx(1.0)


@pytest.mark.slow
def test_the_command(wall_map: PlaceMap, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [
        str(wall_map.path),
        "--frames",
        "200",
        "--queries",
        "30",
        "--float32-up-to",
        "0",
        "--folder",
        str(tmp_path / "room"),
    ]
    assert benchmark_search.main([*asked, "--json", str(tmp_path / "search.json")]) == 0
    (row,) = json.loads((tmp_path / "search.json").read_text())["rows"]
    assert (row["frames"], row["index"], row["recall_1"], row["bytes_per_frame"]) == (200, "exact float16", 1.0, 192.0)
    assert row["p50_ms"] > 0.0 and row["mapped_mib"] >= 0.0 and "exact float16" in capsys.readouterr().out
    assert {path.name for path in tmp_path.rglob("*")} == {"room", "search.json"}
    for kind in ("compressed", "lists"):
        assert benchmark_search.main([*asked, "--index", kind, "--json", str(tmp_path / "search.json")]) == 0
        _, by_index = json.loads((tmp_path / "search.json").read_text())["rows"]
        assert by_index["index"].startswith(kind)
    capsys.readouterr()
    assert benchmark_search.main([*asked[:-1], str(tmp_path / "search.json" / "room")]) == 2
    assert "cannot be written (Not a directory)" in capsys.readouterr().err
    assert benchmark_search.main([str(wall_map.path), "--dim", "10"]) == 2
    assert benchmark_search.main([str(wall_map.path), "--uri", "milvus://me:secret@localhost/name"]) == 2
    assert "secret" not in capsys.readouterr().err
