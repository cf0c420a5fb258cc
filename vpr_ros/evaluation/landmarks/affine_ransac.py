# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How many pairs of points one affine map explains, as DELG counts them (docs/methods.md 7.6)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PointArray = npt.NDArray[np.float64]
SAMPLE = 3
_FLAT_SAMPLE = 1e-9
"""Area of a triangle of index points, relative to its longest side squared, below which it fixes no map."""
_PART = 1 << 22
"""Residuals that are held at a time."""


def affine_inliers(
    index_points: PointArray, query_points: PointArray, threshold_px: float = 20.0, trials: int = 1000, seed: int = 0
) -> npt.NDArray[np.bool_]:
    """Pairs explained by the best of *trials* affine maps, each from three pairs; the same input, the same answer.

    The count is that of the sample itself, not of a refit. Of equal counts the smaller sum of squares over all pairs
    wins, then the earlier trial.

    Args:
        index_points, query_points: (N, 2) pixels; row i of one belongs to row i of the other.
        threshold_px: a pair counts strictly below, measured in the query.
        trials: samples.
        seed: of the draws.

    Returns:
        (N,) of bool; nothing where there are fewer than three pairs or all samples are degenerate.
    """
    count = len(index_points)
    best = np.zeros(count, dtype=np.bool_)
    if count < SAMPLE:
        return best
    samples = _triples(count, trials, np.random.default_rng(seed))
    corners = _homogeneous(index_points)[samples]
    samples, corners = samples[_spans(corners)], corners[_spans(corners)]
    record = (0, -np.inf)
    for start in range(0, len(samples), step := max(1, _PART // count)):
        part = np.s_[start : start + step]
        maps = np.linalg.solve(corners[part], query_points[samples[part]])
        squares = ((_homogeneous(index_points) @ maps - query_points) ** 2).sum(axis=2)
        inliers = squares < threshold_px**2
        counts, sums = inliers.sum(axis=1), squares.sum(axis=1)
        first = int(np.lexsort((sums, -counts))[0])
        if (found := (int(counts[first]), -float(sums[first]))) > record:
            record, best = found, inliers[first]
    return best


def _triples(count: int, trials: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(trials, 3) different numbers below *count* in each row, every triple as likely as any other."""
    first, second, third = (rng.integers(count - taken, size=trials) for taken in range(SAMPLE))
    second += second >= first
    low, high = np.minimum(first, second), np.maximum(first, second)
    third += third >= low
    third += third >= high
    return np.stack([first, second, third], axis=1)


def _homogeneous(points: PointArray) -> PointArray:
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)


def _spans(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether three points (T, 3, 3), homogeneous, span the plane."""
    sides = corners[:, [1, 2, 2], :2] - corners[:, [0, 0, 1], :2]
    longest = (sides**2).sum(axis=2).max(axis=1)
    area = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    spans: npt.NDArray[np.bool_] = area > _FLAT_SAMPLE * np.maximum(longest, np.finfo(np.float64).tiny)
    return spans
