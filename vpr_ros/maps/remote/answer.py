# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a server answered, checked as a file of a map is: nothing of it is believed because a server said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.maps.remote.schema import DESCRIPTOR, MAP, MapIdentity

LENGTH_TOLERANCE: Final = 1e-2
SIMILARITY_TOLERANCE: Final = 0.1
"""Between the cosine that a compressed index states and the one of the row itself."""


class WrongAnswerError(ValueError):
    """What is wrong with an answer."""


@dataclass(frozen=True, eq=False)
class Hits:
    """What was found for one query.

    Attributes:
        frames: (K,) int64, best first.
        similarities: (K,) float32, cosine of query and row.
    """

    frames: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float32]


def checked(answer: Any, queries: npt.NDArray[np.float32], limit: int, identity: MapIdentity) -> list[Hits]:
    """The hits of each query, with cosines of the rows themselves, best first.

    Args:
        answer: what the client library made of the server's answer.
        queries: (B, D) float32.
        limit: how many hits were asked for.
        identity: of the map.

    Raises:
        WrongAnswerError: it cannot be the answer to this question.
    """
    if len(answer) != len(queries):
        raise WrongAnswerError(f"{len(answer)} answers came to {len(queries)} questions")
    return [_of_one(hits, query, limit, identity) for hits, query in zip(answer, queries, strict=True)]


def _of_one(hits: Sequence[Any], query: npt.NDArray[np.float32], limit: int, identity: MapIdentity) -> Hits:
    if len(hits) > limit:
        raise WrongAnswerError(f"{len(hits)} frames came, {limit} were asked for")
    if not len(hits):
        return Hits(np.empty(0, np.int64), np.empty(0, np.float32))
    try:
        frames = np.array([hit["frame"] for hit in hits], dtype=np.int64)
        stated = np.array([hit["distance"] for hit in hits], dtype=np.float64)
        maps = {int(hit["entity"][MAP]) for hit in hits}
        rows = np.array([hit["entity"][DESCRIPTOR] for hit in hits], dtype=np.float32)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise WrongAnswerError("a hit lacks its number, its map or its descriptor") from error
    if maps != {identity.number}:
        raise WrongAnswerError("a frame of another map came")
    if frames.min() < 0 or frames.max() >= identity.frames or len(np.unique(frames)) != len(frames):
        raise WrongAnswerError(f"the frames {frames[:5].tolist()}... came, of a map of {identity.frames}")
    similarities = _cosines(rows, query, identity.dim)
    if not (np.abs(stated - similarities) <= SIMILARITY_TOLERANCE).all():
        raise WrongAnswerError("the similarities are not those of the descriptors that came with them")
    order = np.argsort(-similarities, kind="stable")
    return Hits(frames[order], similarities[order])


def _cosines(rows: npt.NDArray[np.float32], query: npt.NDArray[np.float32], dim: int) -> npt.NDArray[np.float32]:
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise WrongAnswerError(f"descriptors of {rows.shape[1:]} numbers came, the map's have {dim}")
    if not (np.abs(np.linalg.norm(rows, axis=1) - 1.0) <= LENGTH_TOLERANCE).all():  # not: NaN is neither
        raise WrongAnswerError("a descriptor came that is not finite and of length 1")
    return np.asarray(rows @ query, dtype=np.float32)
