# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a trained variant of the miniature finds: average precision of each query, by each way of describing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_ros.evaluation.landmarks.average_precision import average_precision
from vpr_ros.evaluation.landmarks.rerank import LocalFeatures, Verification, rerank
from vpr_ros.evaluation.positives import Positives
from vpr_ros.training.delg.extraction import DelgExtractor, Extraction
from vpr_ros.training.delg.miniature import AUTOENCODER, WIDE, PcaHead, TrainedVariant, inner_features

ImageArray = npt.NDArray[np.uint8]
GLOBAL, PCA, SIGNS = "global", "pca", "wide, signs"
EXTRACTION = Extraction(longest_side_px=170)
"""So that the middle of the pyramid's scales is near that of training."""
CHECK = Verification(threshold_px=14.0)
"""0.6 of the stride in images of 240 pixels, as 20 pixels are at a stride of 32."""
PCA_FROM = 100
"""Images to fit the PCA on."""


@dataclass(frozen=True, eq=False)
class TaskImages:
    """A retrieval task in memory; tasks may share a database, which is then described once.

    Attributes:
        name: for tables.
        database, queries: (N, H, W, 3) and (Q, H, W, 3).
        positives: right database images of each query.
    """

    name: str
    database: ImageArray
    queries: ImageArray
    positives: Positives


@dataclass(frozen=True, eq=False)
class _Described:
    """N images: (N, D) descriptors, and by each way the local features of every image."""

    descriptors: npt.NDArray[np.float32]
    local: Mapping[str, Sequence[LocalFeatures]]


def evaluate_variant(
    trained: TrainedVariant,
    tasks: Sequence[TaskImages],
    training_images: ImageArray,
    checked: int,
    progress: Callable[[int, int], None],
) -> dict[str, dict[str, list[float]]]:
    """Return way of describing -> task -> AP of each query in percent, NaN where there is nothing to find.

    Args:
        trained: the variant.
        tasks: what is asked.
        training_images: to fit a PCA on.
        checked: candidates that are re-ranked.
        progress: told of every list of images.
    """
    heads = dict(_heads(trained, training_images))
    databases: dict[int, _Described] = {}
    found: dict[str, dict[str, list[float]]] = {}
    for number, task in enumerate(tasks):
        if id(task.database) not in databases:
            databases[id(task.database)] = _describe(trained, heads, task.database)
        known = databases[id(task.database)]
        asked = _describe(trained, heads, task.queries)
        rankings = list(np.argsort(-(asked.descriptors @ known.descriptors.T), axis=1, kind="stable"))
        found.setdefault(GLOBAL, {})[task.name] = _precisions(rankings, task)
        for way, queries in asked.local.items():
            ordered = _reranked(rankings, known.local[way], queries, checked)
            found.setdefault(way, {})[task.name] = _precisions(ordered, task)
        progress(number + 1, len(tasks))
    return found


def _heads(trained: TrainedVariant, training_images: ImageArray) -> Iterator[tuple[str, Any]]:
    yield from trained.heads.items()
    if WIDE in trained.heads:  # where reductions are compared
        some = training_images[np.linspace(0, len(training_images) - 1, PCA_FROM).astype(int)]
        yield PCA, PcaHead(trained.heads[AUTOENCODER], inner_features(trained.model, list(some))).eval()


def _describe(trained: TrainedVariant, heads: Mapping[str, Any], images: ImageArray) -> _Described:
    extractor = DelgExtractor(trained.model, EXTRACTION)
    descriptors = np.stack([extractor.descriptor(image) for image in images])
    local: dict[str, list[LocalFeatures]] = {name: [] for name in heads}
    for image in images if heads else []:
        inner = extractor.inner_maps(image)
        for name, head in heads.items():
            local[name].append(extractor.chosen(head, inner))
    if WIDE in local:
        local[SIGNS] = [features.binarised() for features in local[WIDE]]
    return _Described(descriptors, local)


def _reranked(
    rankings: Sequence[npt.NDArray[np.int64]],
    database: Sequence[LocalFeatures],
    queries: Sequence[LocalFeatures],
    checked: int,
) -> list[npt.NDArray[np.int64]]:
    none = np.empty(0, dtype=np.int64)
    ordered = []
    for ranking, query in zip(rankings, queries, strict=True):
        counts = {int(image): CHECK.inliers(query, database[image]) for image in ranking[:checked]}
        ordered.append(rerank(ranking, none, counts.__getitem__, checked))
    return ordered


def _precisions(rankings: Sequence[npt.NDArray[np.int64]], task: TaskImages) -> list[float]:
    return [
        100.0 * average_precision(np.flatnonzero(np.isin(ranking, right)), len(right))
        for ranking, right in zip(rankings, task.positives.indices, strict=True)
    ]


def by_query(found: Mapping[str, Sequence[float]]) -> npt.NDArray[np.float64]:
    """Join the queries of all tasks that have something to find."""
    joined = np.concatenate([np.asarray(precisions, dtype=np.float64) for precisions in found.values()])
    return joined[np.isfinite(joined)]
