# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Mean average precision and mP@k of the revisited sets (docs/methods.md 7.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.evaluation.landmarks.revisited import Labels, Setup

IndexArray = npt.NDArray[np.int64]
RANKS = (1, 5, 10)


@dataclass(frozen=True)
class SetupScore:
    """One setup's figures over all queries that have a right image in it.

    Attributes:
        mean_ap: 0..1, NaN where no query has a right image.
        ap: of each query, NaN where it has none.
        mean_precision: mP@k of each k.
    """

    mean_ap: float
    ap: tuple[float, ...]
    mean_precision: dict[int, float]


def score_setup(
    rankings: Sequence[IndexArray], labels: Sequence[Labels], setup: Setup, ranks: Sequence[int] = RANKS
) -> SetupScore:
    """Score rankings: for each query the database images, best first, junk among them or not."""
    aps, precisions = [], []
    for ranking, label in zip(rankings, labels, strict=True):
        kept = ranking[~np.isin(ranking, label.junk_of(setup))]
        positives = label.positives_of(setup)
        places = np.flatnonzero(np.isin(kept, positives))
        aps.append(average_precision(places, len(positives)))
        precisions.append([_precision(places, rank) for rank in ranks])
    some = np.array([len(label.positives_of(setup)) > 0 for label in labels], dtype=np.bool_)
    if not some.any():
        return SetupScore(float("nan"), tuple(aps), dict.fromkeys(ranks, float("nan")))
    means = np.array(precisions)[some].mean(axis=0)
    return SetupScore(float(np.mean(np.array(aps)[some])), tuple(aps), dict(zip(ranks, means.tolist(), strict=True)))


def average_precision(places: IndexArray, positives: int) -> float:
    """Area by trapezoids of right answers at *places*, from 0, of *positives* there are; NaN where there are none."""
    if not positives:
        return float("nan")
    found = np.arange(len(places))
    before = np.where(places == 0, 1.0, found / np.maximum(places, 1))
    after = (found + 1) / (places + 1)
    return float((before + after).sum() / (2 * positives))


def _precision(places: IndexArray, rank: int) -> float:
    """Share of right ones among the first *rank*, or among those up to the last right one if that comes before."""
    if not len(places):
        return 0.0
    count = min(rank, int(places[-1]) + 1)
    return float(np.count_nonzero(places < count) / count)
