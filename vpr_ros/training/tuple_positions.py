# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Potential positives and definite negatives from positions, headings and times (docs/methods.md 2.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vpr_ros.core.errors import TrainingError

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TupleRule:
    """Which database images may be, and which may not be, the place of a query.

    Attributes:
        positive_radius_m: a potential positive lies at most this far away.
        trivial_radius_m: and farther than this, where given: NetVLAD leaves out the image's own neighbours (1 m).
        negative_radius_m: a definite negative lies farther away than this.
        max_heading_rad: a potential positive looks the same way within this angle, where headings are known. Images
            that are near but look elsewhere are neither positive nor negative.
    """

    positive_radius_m: float = 10.0
    trivial_radius_m: float | None = None
    negative_radius_m: float = 25.0
    max_heading_rad: float | None = None


@dataclass(frozen=True, eq=False)
class Placement:
    """Where and when N images were taken.

    Attributes:
        position_m: (N, 2) or (N, 3).
        heading_rad: (N,), NaN or None where unknown.
        stamp: (N,) any label of the time of recording; positives must differ in it (Tokyo Time Machine).
    """

    position_m: FloatArray
    heading_rad: FloatArray | None = None
    stamp: IndexArray | None = None


def positives_and_non_negatives(
    queries: Placement, database: Placement, rule: TupleRule
) -> tuple[list[IndexArray], list[IndexArray]]:
    """Return, per query, the sorted database indices of potential positives and of all that is no definite negative.

    Raises:
        TrainingError: positions that are not finite.
    """
    for name, placement in (("query", queries), ("database", database)):
        broken = ~np.isfinite(placement.position_m).all(axis=1)
        if broken.any():
            raise TrainingError(
                f"{int(broken.sum())} {name} images have no finite position, "
                f"the first is number {int(broken.argmax())}",
                "Remove them or mend their poses",
            )
    tree = cKDTree(database.position_m)
    near = tree.query_ball_point(queries.position_m, rule.negative_radius_m, return_sorted=True)
    non_negatives = [np.asarray(indices, dtype=np.int64) for indices in near]
    positives = [_potential(q, indices, queries, database, rule) for q, indices in enumerate(non_negatives)]
    return positives, non_negatives


def _potential(query: int, near: IndexArray, queries: Placement, database: Placement, rule: TupleRule) -> IndexArray:
    distance_m = np.linalg.norm(database.position_m[near] - queries.position_m[query], axis=1)
    keep = distance_m <= rule.positive_radius_m
    if rule.trivial_radius_m is not None:
        keep &= distance_m > rule.trivial_radius_m
    if rule.max_heading_rad is not None and queries.heading_rad is not None and database.heading_rad is not None:
        turn = database.heading_rad[near] - queries.heading_rad[query]
        keep &= np.abs((turn + np.pi) % (2 * np.pi) - np.pi) <= rule.max_heading_rad
    if queries.stamp is not None and database.stamp is not None:
        keep &= database.stamp[near] != queries.stamp[query]
    return np.asarray(near[keep], dtype=np.int64)
