# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Exact cosine search over a memory-mapped array, without copying it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import faiss
import numpy as np
import numpy.typing as npt

from vpr_ros.maps.descriptor_file import Descriptors

IntArray = npt.NDArray[np.int64]
FloatRows = npt.NDArray[np.float32]

BLOCK_BYTES = 64 << 20
CONVERTED_BYTES = 4 << 20
"""Of float16 rows made float32 at a time, for one product: what fits into a cache costs less than float32 read from
memory (10 000 x 1600 on one core: 2.8 ms against 3.6 ms)."""
MATVEC_QUERIES = 8
"""Up to here a matrix product on all cores beats faiss, which searches with one thread per query
(100 000 x 1024: 30 ms against 85 ms on two cores)."""
ROWS_PER_RUN = 8
"""Of the rows allowed, so many that follow each other are worth a product of their own, in place."""


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The nearest rows of each query, best first.

    Attributes:
        indices: (B, K) int64, K = min(k, rows searched).
        similarities: (B, K) float32, cosine.
    """

    indices: IntArray
    similarities: FloatRows


def exact_search(descriptors: Descriptors, queries: FloatRows, k: int, allowed: IntArray | None = None) -> SearchResult:
    """Find the *k* rows most similar to each query.

    Args:
        descriptors: (N, D) float32 or float16, rows of unit length.
        queries: (B, D) float32, rows of unit length.
        k: how many, at least 1.
        allowed: (M,) rows to search in, or None for all.
    """
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    if len(queries) > MATVEC_QUERIES:
        return _search_many(descriptors, queries, k, allowed)
    similarities: FloatRows = np.empty(
        (len(queries), len(descriptors) if allowed is None else len(allowed)), np.float32
    )
    start = 0
    for block in _in_place(descriptors, allowed):
        for query, row in zip(queries, similarities, strict=True):
            np.dot(block, query, out=row[start : start + len(block)])
        start += len(block)
    best = np.stack([best_rows(row, k) for row in similarities]) if len(queries) else np.empty((0, 0), np.int64)
    indices = best if allowed is None else np.asarray(allowed, np.int64)[best]
    return SearchResult(indices, np.take_along_axis(similarities, best, axis=1))


def all_similarities(descriptors: Descriptors, queries: FloatRows) -> Iterator[FloatRows]:
    """Yield, query by query, its cosine to every row: (N,) float32.

    One matrix product answers as many queries as fit into 64 MiB, so that asking many questions of a small map
    costs about one.

    Args:
        descriptors: (N, D) float32 or float16, rows of unit length.
        queries: (B, D) float32, rows of unit length.
    """
    together = max(1, BLOCK_BYTES // (4 * max(1, len(descriptors))))
    rows = max(1, BLOCK_BYTES // (4 * descriptors.shape[1]))
    for first in range(0, len(queries), together):
        asked = queries[first : first + together]
        products: FloatRows = np.empty((len(asked), len(descriptors)), np.float32)
        for start in range(0, len(descriptors), rows):
            block = as_float32(descriptors[start : start + rows])
            np.matmul(asked, block.T, out=products[:, start : start + rows])
        yield from products


def best_rows(similarities: FloatRows, k: int) -> IntArray:
    """The *k* rows of the largest of (N,) similarities, best first; all N where there are no more."""
    rows = np.argpartition(-similarities, k - 1)[:k] if k < len(similarities) else np.arange(len(similarities))
    return np.asarray(rows[np.argsort(-similarities[rows], kind="stable")], dtype=np.int64)


def as_float32(rows: Descriptors, room: FloatRows | None = None) -> FloatRows:
    """(M, D) the same numbers, in place where they are float32, else in (M or more, D) *room* where that is given.

    OpenCV converts float16 with the processor's own instruction, ten times as fast as numpy does. New memory for the
    result would cost three times as much as that, for the kernel clears it first.
    """
    if rows.dtype == np.float32 or not rows.size:
        return np.ascontiguousarray(rows, dtype=np.float32)
    half = np.ascontiguousarray(rows).view(np.int16)
    if room is None:
        return np.asarray(cv2.convertFp16(half), dtype=np.float32)
    converted = room[: len(rows)]
    cv2.convertFp16(half, converted)
    return converted


def _in_place(descriptors: Descriptors, allowed: IntArray | None) -> Iterator[FloatRows]:
    """The rows in their order, float32; those that follow each other are not copied unless they are float16.

    Each block holds until the next is asked for.
    """
    rows = max(1, CONVERTED_BYTES // (4 * descriptors.shape[1]))
    count = len(descriptors) if allowed is None else len(allowed)
    room: FloatRows = np.empty(
        (min(rows, count) if descriptors.dtype != np.float32 else 0, descriptors.shape[1]), np.float32
    )
    if allowed is None:
        yield from _slice(descriptors, rows, room)
        return
    runs = np.split(allowed, np.flatnonzero(np.diff(allowed) != 1) + 1)
    if len(runs) * ROWS_PER_RUN <= len(allowed):
        for run in runs:
            yield from _slice(descriptors[run[0] : run[-1] + 1], rows, room)
        return
    for start in range(0, len(allowed), rows):
        yield as_float32(descriptors[allowed[start : start + rows]], room)


def _slice(block: Descriptors, rows: int, room: FloatRows) -> Iterator[FloatRows]:
    """Some *rows* at a time where they must be converted."""
    together = max(1, len(block)) if block.dtype == np.float32 else rows
    for start in range(0, len(block), together):
        yield as_float32(block[start : start + together], room)


def _search_many(descriptors: Descriptors, queries: FloatRows, k: int, allowed: IntArray | None) -> SearchResult:
    found_indices: IntArray = np.empty((len(queries), 0), np.int64)
    found_similarities: FloatRows = np.empty((len(queries), 0), np.float32)
    for ids, block in _blocks(descriptors, allowed):
        products, rows = faiss.knn(queries, block, min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT)
        merged = np.concatenate([found_similarities, np.asarray(products)], axis=1)
        order = np.argsort(-merged, axis=1, kind="stable")[:, :k]
        merged_indices = np.concatenate([found_indices, ids[np.asarray(rows)]], axis=1)
        found_indices = np.take_along_axis(merged_indices, order, axis=1)
        found_similarities = np.take_along_axis(merged, order, axis=1)
    return SearchResult(found_indices, found_similarities)


def _blocks(descriptors: Descriptors, allowed: IntArray | None) -> Iterator[tuple[IntArray, FloatRows]]:
    """Cut what must be copied or converted into blocks; float32 searched as a whole stays in place."""
    count = len(descriptors) if allowed is None else len(allowed)
    in_place = allowed is None and descriptors.dtype == np.float32
    rows = max(1, count if in_place else BLOCK_BYTES // (4 * descriptors.shape[1]))
    for start in range(0, count, rows):
        ids = np.arange(start, min(start + rows, count)) if allowed is None else allowed[start : start + rows]
        yield ids, as_float32(descriptors[start : start + rows] if allowed is None else descriptors[ids])
