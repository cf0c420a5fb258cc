# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""At which rank a branch finds the first right image of each training query (docs/methods.md 9.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

IndexArray = npt.NDArray[np.int64]
DescriptorArray = npt.NDArray[np.float32]

NO_RANK = 0
"""The rank of a query without a positive in the database."""
_BLOCK = 256


def best_ranks(
    queries: DescriptorArray,
    database: DescriptorArray,
    positives: Sequence[IndexArray],
    ignored: Callable[[int], IndexArray],
) -> IndexArray:
    """Rank of the most similar positive of each query, from 1, among the positive itself and the definite negatives.

    What is neither positive nor definitely another place does not count, as junk does not in the revisited sets. A
    negative as similar as the positive stands before it: a branch that describes all images alike finds nothing.

    Args:
        queries: (Q, D) unit descriptors.
        database: (M, D) unit descriptors.
        positives: of each query, database indices; may be empty.
        ignored: database indices that are no definite negatives of query number q, its positives among them.

    Returns:
        (Q,) ranks, ``NO_RANK`` where there is no positive.
    """
    ranks = np.full(len(queries), NO_RANK, dtype=np.int64)
    for start in range(0, len(queries), _BLOCK):
        similarity = queries[start : start + _BLOCK] @ database.T
        for query, row in enumerate(similarity, start):
            near = positives[query]
            if len(near):
                best = row[near].max()
                row[ignored(query)] = -np.inf
                ranks[query] = 1 + np.count_nonzero(row >= best)
    return ranks
