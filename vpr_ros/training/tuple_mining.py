# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Mining of (query, positive, negatives) tuples for weakly supervised ranking (docs/methods.md 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError

IndexArray = npt.NDArray[np.int64]
DescriptorArray = npt.NDArray[np.float32]

NOTHING = -1
"""Fills rows that are shorter than their array."""


@dataclass(frozen=True)
class MiningConfig:
    """How tuples are mined. The defaults are NetVLAD's.

    Attributes:
        margin: of the loss, in squared-distance units.
        negatives: at most this many per tuple, and as many are remembered per query.
        random_negatives: drawn anew per query ("full") or per interval and shared by its queries ("partial").
        cache: "full" describes the whole database at each refresh, "partial" only what the interval needs.
        refresh_queries: queries between two refreshes; doubles whenever the learning rate halves.
        only_violating: use the violating negatives only (NetVLAD); False always takes the hardest ones (the
            deep-visual-geo-localization benchmark).
    """

    margin: float = 0.1
    negatives: int = 10
    random_negatives: int = 1000
    cache: Literal["full", "partial"] = "full"
    refresh_queries: int = 1000
    only_violating: bool = True

    def interval(self, lr_halvings: int) -> int:
        """Queries until the next refresh, after the learning rate was halved this many times."""
        return int(self.refresh_queries * 2**lr_halvings)


@dataclass(frozen=True)
class MinedTuple:
    """One query with its positive (nearest in the cache) and 1 to M negatives, hardest first."""

    query: int
    positive: int
    negatives: tuple[int, ...]


class TupleMiner:
    """Finds the tuples worth training on and remembers the hardest negatives of each query.

    Args:
        positives: per query, database indices of the potential positives.
        non_negatives: per query, database indices that are no definite negatives (too near to say).
        database_size: number of database images.
        config: see ``MiningConfig``.
        seed: of the run.

    Raises:
        TrainingError: no query has a potential positive.
    """

    def __init__(
        self,
        positives: Sequence[IndexArray],
        non_negatives: Sequence[IndexArray],
        database_size: int,
        config: MiningConfig,
        seed: int = 0,
    ) -> None:
        self.positives = positives
        self.non_negatives = non_negatives
        self.database_size = database_size
        self.config = config
        self.seed = seed
        self.usable = np.array([q for q, near in enumerate(positives) if len(near)], dtype=np.int64)
        if not len(self.usable):
            raise TrainingError(
                f"none of {len(positives)} training queries has a potential positive in the database",
                "Check the positions of queries and database, or enlarge the positive radius",
            )
        self.remembered = np.full((len(positives), config.negatives), NOTHING, dtype=np.int64)

    def queries(self, first: int, count: int) -> IndexArray:
        """Return *count* usable queries from number *first* on; every pass over them is shuffled anew."""
        chosen = []
        while count > 0:
            number, offset = divmod(first, len(self.usable))
            order = np.random.default_rng([self.seed, number]).permutation(self.usable)
            chosen.append(order[offset : offset + count])
            first += len(chosen[-1])
            count -= len(chosen[-1])
        return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.int64)

    def needed(self, queries: IndexArray, interval: int) -> IndexArray:
        """Return the database images (sorted) whose descriptors ``mine`` asks for."""
        if self.config.cache == "full":
            return np.arange(self.database_size)
        remembered = self.remembered[queries]
        parts = [self._shared_candidates(interval), remembered[remembered != NOTHING]]
        needed: IndexArray = np.unique(np.concatenate(parts + [self.positives[q] for q in queries]))
        return needed

    def mine(
        self,
        queries: IndexArray,
        query_descriptors: DescriptorArray,
        needed: IndexArray,
        database_descriptors: DescriptorArray,
        interval: int,
    ) -> list[MinedTuple]:
        """Mine one tuple per query; queries without a violating negative are left out.

        Args:
            queries: (Q,) query indices.
            query_descriptors: (Q, D) unit descriptors of these queries.
            needed: (M,) what ``needed`` returned.
            database_descriptors: (M, D) unit descriptors of these database images.
            interval: running number of the refresh, decides the random negatives.
        """
        row_of = np.full(self.database_size, NOTHING, dtype=np.int64)
        row_of[needed] = np.arange(len(needed))
        tuples = []
        for query, descriptor in zip(queries, query_descriptors, strict=True):
            near = self.positives[query]
            near_sq = _squared_distances(descriptor, database_descriptors[row_of[near]])
            best = int(np.argmin(near_sq))
            candidates = self._candidates(int(query), interval)
            far_sq = _squared_distances(descriptor, database_descriptors[row_of[candidates]])
            order = np.argsort(far_sq, kind="stable")[: self.config.negatives]
            self.remembered[query] = NOTHING
            self.remembered[query, : len(order)] = candidates[order]
            if self.config.only_violating:
                order = order[far_sq[order] < near_sq[best] + self.config.margin]
            if len(order):
                tuples.append(MinedTuple(int(query), int(near[best]), tuple(candidates[order].tolist())))
        return tuples

    def _candidates(self, query: int, interval: int) -> IndexArray:
        if self.config.cache == "partial":
            drawn = self._shared_candidates(interval)
        else:
            rng = np.random.default_rng([self.seed, interval, query])
            # some of the drawn will be no negatives: draw as many more
            count = min(self.database_size, self.config.random_negatives + len(self.non_negatives[query]))
            drawn = rng.choice(self.database_size, count, replace=False)
        drawn = drawn[~np.isin(drawn, self.non_negatives[query])][: self.config.random_negatives]
        remembered = self.remembered[query]
        candidates: IndexArray = np.unique(np.concatenate([drawn, remembered[remembered != NOTHING]]))
        return candidates

    def _shared_candidates(self, interval: int) -> IndexArray:
        rng = np.random.default_rng([self.seed, interval])
        return rng.choice(
            self.database_size, min(self.database_size, self.config.random_negatives), replace=False
        ).astype(np.int64)


def _squared_distances(query: DescriptorArray, others: DescriptorArray) -> npt.NDArray[np.float32]:
    difference = others - query
    squared: npt.NDArray[np.float32] = np.einsum("nd,nd->n", difference, difference)
    return squared
