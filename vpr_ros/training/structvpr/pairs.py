# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The training pairs of either kind of data: queries, database, and what may and may not be the same place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vpr_ros.training.image_sets import ImageList, IndexArray, PlaceImages, TupleImages
from vpr_ros.training.structvpr.ranks import DescriptorArray, best_ranks
from vpr_ros.training.tuple_mining import TupleMiner


@dataclass(frozen=True, eq=False)
class TrainingPairs:
    """What both branches are asked about.

    Attributes:
        queries, database: the images; of places they are the same list.
        positives: of each query, database indices; may be empty.
        ignored: database indices that are no definite negatives of query number q.
    """

    queries: ImageList
    database: ImageList
    positives: Sequence[IndexArray]
    ignored: Callable[[int], IndexArray]

    @property
    def lists(self) -> dict[str, ImageList]:
        """The image lists by name, each once."""
        if self.queries is self.database:
            return {"images": self.queries}
        return {"queries": self.queries, "database": self.database}

    def ranks(self, queries: DescriptorArray, database: DescriptorArray) -> IndexArray:
        """(Q,) see ``best_ranks``."""
        return best_ranks(queries, database, self.positives, self.ignored)

    def watched(self, queries: int, database: int, seed: int) -> WatchedPairs:
        """Choose some pairs to look at again and again; no more than there are."""
        rng = np.random.default_rng(seed)
        answerable = np.flatnonzero([len(near) > 0 for near in self.positives])
        chosen = np.sort(rng.permutation(answerable)[:queries])
        needed = np.concatenate([self.positives[q] for q in chosen]) if len(chosen) else np.empty(0, np.int64)
        drawn = rng.permutation(len(self.database))[:database]
        return WatchedPairs(self, chosen, np.unique(np.concatenate([needed, drawn])).astype(np.int64))


@dataclass(frozen=True, eq=False)
class WatchedPairs:
    """Some queries against their positives and some other database images.

    Attributes:
        pairs: of which these are some.
        queries, database: indices, sorted.
    """

    pairs: TrainingPairs
    queries: IndexArray
    database: IndexArray

    @cached_property
    def _row_of(self) -> IndexArray:
        rows = np.full(len(self.pairs.database), -1, dtype=np.int64)
        rows[self.database] = np.arange(len(self.database))
        return rows

    def ranks(self, queries: DescriptorArray, database: DescriptorArray) -> IndexArray:
        """Ranks among the watched images, of their descriptors in this order."""
        positives = [self._row_of[self.pairs.positives[q]] for q in self.queries]

        def ignored(number: int) -> IndexArray:
            rows = self._row_of[self.pairs.ignored(int(self.queries[number]))]
            kept: IndexArray = rows[rows >= 0]
            return kept

        return best_ranks(queries, database, positives, ignored)


def pairs_of_tuples(images: TupleImages, miner: TupleMiner) -> TrainingPairs:
    """Queries and database apart, as the triplet ranking loss has them."""
    return TrainingPairs(images.queries, images.database, miner.positives, miner.non_negatives.__getitem__)


def pairs_of_places(places: PlaceImages) -> TrainingPairs:
    """Every image is asked among all others; images of other groups do not count, they may show the same place."""
    order = np.argsort(places.place_ids, kind="stable")
    bounds = np.flatnonzero(np.diff(places.place_ids[order])) + 1
    alike: dict[int, IndexArray] = {}
    for members in np.split(order, bounds):
        alike |= dict.fromkeys(members.tolist(), members)
    positives = [alike[image][alike[image] != image] for image in range(len(places.place_ids))]

    def ignored(image: int) -> IndexArray:
        elsewhere = np.flatnonzero(places.groups != places.groups[image])
        return np.concatenate([alike[image], elsewhere])

    return TrainingPairs(places.images, places.images, positives, ignored)
