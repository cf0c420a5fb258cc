# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Start values of the soft assignment from k-means centres (docs/methods.md 1.2, 2.2)."""

from __future__ import annotations

from typing import NamedTuple

import faiss
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError

KMEANS_ITERATIONS = 100
RUNNER_UP_SHARE = 0.01
"""On average the second-best cluster gets this share of the best one's weight."""

Float32Array = npt.NDArray[np.float32]


class Assignment(NamedTuple):
    """Parameters of a soft assignment softmax(weight x + bias).

    Attributes:
        weight: (K, D).
        bias: (K,), or None where the layer has none.
        alpha: sharpness; infinite separation is refused.
    """

    weight: Float32Array
    bias: Float32Array | None
    alpha: float


def cluster_centres(descriptors: npt.ArrayLike, clusters: int, seed: int = 1234) -> Float32Array:
    """K-means as published: faiss, 100 iterations, one start, 256 points per centre at most.

    Args:
        descriptors: (n, D) of unit length.
        clusters: number of centres.
        seed: of the subsample and the first centres.

    Returns:
        (clusters, D), not normalised.

    Raises:
        TrainingError: fewer descriptors than centres, or numbers that are not finite.
    """
    points = np.ascontiguousarray(descriptors, dtype=np.float32)
    if points.ndim != 2 or len(points) < clusters or not np.isfinite(points).all():
        raise TrainingError(
            f"{clusters} cluster centres from finite descriptors of shape {points.shape}",
            f"Expected (n, D) with n >= {clusters}: give more images",
        )
    kmeans = faiss.Kmeans(
        points.shape[1], clusters, niter=KMEANS_ITERATIONS, nredo=1, seed=seed, min_points_per_centroid=1
    )
    kmeans.train(points)
    return np.asarray(kmeans.centroids, dtype=np.float32).reshape(clusters, -1)


def cosine_assignment(centres: npt.ArrayLike, descriptors: npt.ArrayLike) -> Assignment:
    """Bias-free assignment of SuperVLAD and of NetVLAD "v1": weight = alpha * unit centre.

    Args:
        centres: (K, D), of any length.
        descriptors: (n, D) of unit length; alpha is taken over all of them.
    """
    unit = _unit_rows(np.asarray(centres, dtype=np.float64))
    if len(unit) == 1:
        return Assignment(unit.astype(np.float32), None, 1.0)
    similarity = np.asarray(descriptors, dtype=np.float64) @ unit.T
    best = np.partition(similarity, -2, axis=1)
    alpha = _sharpness(best[:, -1] - best[:, -2])
    return Assignment((alpha * unit).astype(np.float32), None, alpha)


def distance_assignment(centres: npt.ArrayLike, descriptors: npt.ArrayLike) -> Assignment:
    """Assignment of NetVLAD "v2" (the paper's): weight = 2 alpha c, bias = -alpha |c|^2.

    Args:
        centres: (K, D), as k-means gives them.
        descriptors: (n, D) of unit length.
    """
    c = np.asarray(centres, dtype=np.float64)
    x = np.asarray(descriptors, dtype=np.float64)
    squared = (c**2).sum(axis=1)
    alpha = 1.0
    if len(c) > 1:
        nearest = np.partition((x**2).sum(axis=1)[:, None] - 2.0 * x @ c.T + squared, 1, axis=1)
        alpha = _sharpness(nearest[:, 1] - nearest[:, 0])
    return Assignment((2.0 * alpha * c).astype(np.float32), (-alpha * squared).astype(np.float32), alpha)


def _sharpness(gap: npt.NDArray[np.float64]) -> float:
    mean_gap = float(gap.mean())
    if not mean_gap > 1e-9:
        raise TrainingError(
            f"the two nearest cluster centres are {mean_gap:.2g} apart on average: all descriptors look the same",
            "Give images that differ, or a backbone with trained weights",
        )
    return -float(np.log(RUNNER_UP_SHARE)) / mean_gap


def _unit_rows(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    unit: npt.NDArray[np.float64] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
