# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Descriptors in, recall out: what the trainer's validation and the robot's evaluation share (no torch, no map)."""

from __future__ import annotations

from collections.abc import Sequence

import faiss
import numpy as np
import numpy.typing as npt

from vpr_ros.evaluation.positives import IntArray, Positives
from vpr_ros.evaluation.recall import RECALL_RANKS, Recall, recall_at_n


def nearest(map_descriptors: npt.NDArray[np.floating], query_descriptors: npt.NDArray[np.floating], k: int) -> IntArray:
    """Rank map descriptors by exact L2 distance, which for unit vectors is the order of cosine similarity.

    Args:
        map_descriptors: (N, D).
        query_descriptors: (Q, D).
        k: how many neighbours; fewer columns come back where the map is smaller.

    Returns:
        (Q, min(k, N)) int64 map indices, nearest first.

    Raises:
        ValueError: empty map, or dimensions that differ.
    """
    if not len(map_descriptors) or map_descriptors.shape[1] != query_descriptors.shape[1]:
        raise ValueError(f"cannot search {query_descriptors.shape} descriptors in {map_descriptors.shape}")
    index = faiss.IndexFlatL2(map_descriptors.shape[1])
    index.add(np.ascontiguousarray(map_descriptors, dtype=np.float32))
    _, found = index.search(np.ascontiguousarray(query_descriptors, dtype=np.float32), min(k, len(map_descriptors)))
    return np.asarray(found, dtype=np.int64)


def evaluate_retrieval(
    map_descriptors: npt.NDArray[np.floating],
    query_descriptors: npt.NDArray[np.floating],
    positives: Positives,
    ranks: Sequence[int] = RECALL_RANKS,
) -> Recall:
    """Recall@N of plain descriptor search: (N, D) map, (Q, D) queries. See ``nearest`` and ``recall_at_n``."""
    return recall_at_n(nearest(map_descriptors, query_descriptors, max(ranks)), positives, ranks)
