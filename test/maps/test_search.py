# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Exact search, against brute force."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.maps import search
from vpr_ros.maps.frame_index import ExactIndex
from vpr_ros.maps.search import all_similarities, as_float32, exact_search


def unit_rows(count: int, dim: int, seed: int) -> npt.NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def brute_force(rows: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    return np.argsort(-(queries.astype(np.float64) @ rows.T.astype(np.float64)), axis=1)[:, :k]


@pytest.mark.parametrize("queries", [1, 3, 40])  # the two ways of searching
@pytest.mark.parametrize("k", [1, 7, 150])
def test_it_finds_what_brute_force_finds(queries: int, k: int) -> None:
    rows, asked = unit_rows(150, 24, 0), unit_rows(queries, 24, 1)
    found = exact_search(rows, asked, k)
    np.testing.assert_array_equal(found.indices, brute_force(rows, asked, k))
    expected = np.take_along_axis(asked @ rows.T, found.indices, axis=1)
    np.testing.assert_allclose(found.similarities, expected, atol=1e-5)
    assert found.indices.dtype == np.int64 and found.similarities.dtype == np.float32


@pytest.mark.parametrize("queries", [1, 12])
def test_more_asked_than_there_is(queries: int) -> None:
    rows, asked = unit_rows(5, 8, 0), unit_rows(queries, 8, 1)
    found = exact_search(rows, asked, 20)
    np.testing.assert_array_equal(found.indices, brute_force(rows, asked, 5))


@pytest.mark.parametrize("queries", [1, 12])
def test_only_the_allowed_rows_are_searched(queries: int) -> None:
    rows, asked = unit_rows(100, 16, 2), unit_rows(queries, 16, 3)
    allowed = np.array([90, 3, 41, 7, 55], dtype=np.int64)
    found = exact_search(rows, asked, 3, allowed)
    np.testing.assert_array_equal(found.indices, allowed[brute_force(rows[allowed], asked, 3)])
    assert exact_search(rows, asked, 9, allowed).indices.shape == (queries, 5)
    assert exact_search(rows, asked, 9, np.empty(0, np.int64)).indices.shape == (queries, 0)


@pytest.mark.parametrize("queries", [1, 12])
@pytest.mark.parametrize("some", [False, True])
def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch, queries: int, some: bool) -> None:
    monkeypatch.setattr(search, "BLOCK_BYTES", 4 * 16 * 7)  # seven rows a block
    rows, asked = unit_rows(60, 16, 4).astype(np.float16), unit_rows(queries, 16, 5)
    allowed = np.arange(1, 60, 2) if some else None
    chosen = np.arange(60) if allowed is None else allowed
    found = exact_search(rows, asked, 10, allowed)
    np.testing.assert_array_equal(found.indices, chosen[brute_force(rows[chosen].astype(np.float32), asked, 10)])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("allowed", [np.r_[3:40, 50:58], np.r_[0:60:7]], ids=["runs", "scattered"])
def test_a_gate_is_searched_run_by_run_where_it_has_runs(
    monkeypatch: pytest.MonkeyPatch, dtype: str, allowed: npt.NDArray[np.int64]
) -> None:
    monkeypatch.setattr(search, "CONVERTED_BYTES", 4 * 16 * 7)  # seven rows a block
    rows, asked = unit_rows(60, 16, 4).astype(dtype), unit_rows(2, 16, 5)
    found = exact_search(rows, asked, 6, allowed)
    np.testing.assert_array_equal(found.indices, allowed[brute_force(rows[allowed].astype(np.float32), asked, 6)])
    similarities = np.take_along_axis(asked @ rows.astype(np.float32).T, found.indices, axis=1)
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-5)


def test_float16_becomes_the_float32_that_numpy_makes_of_it() -> None:
    rows = np.r_[unit_rows(8, 16, 6).ravel(), 0.0, 6e-8, 65504.0, np.inf].astype(np.float16).reshape(-1, 4)
    np.testing.assert_array_equal(as_float32(rows), rows.astype(np.float32))
    assert as_float32(rows[:0]).shape == (0, 4)


def test_equal_rows_come_in_the_order_of_the_map() -> None:
    rows = np.repeat(unit_rows(1, 8, 0), 4, axis=0)
    assert exact_search(rows, rows[:1], 4).indices.tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_every_similarity_of_every_query(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr(search, "BLOCK_BYTES", 4 * 16 * 7)  # seven rows and one query a block
    rows, asked = unit_rows(60, 16, 4).astype(dtype), unit_rows(5, 16, 5)
    np.testing.assert_allclose(np.stack(list(all_similarities(rows, asked))), asked @ rows.T, atol=1e-3)
    assert list(all_similarities(rows, asked[:0])) == []


def test_a_small_float16_map_answers_as_its_rows_do() -> None:
    rows, queries = unit_rows(50, 8, 0).astype(np.float16), unit_rows(3, 8, 1)
    found, exact = ExactIndex(rows).search(queries, 5), exact_search(rows, queries, 5)
    assert found.indices.tolist() == exact.indices.tolist()
    assert found.similarities.tolist() == exact.similarities.tolist()
