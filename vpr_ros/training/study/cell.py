# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One aggregation, one seed: trained and measured on a frozen backbone, with the same data, loss and schedule as all.

What differs between two rows is the aggregation alone. The same block of a transformer under all of them lets the loss
shape the tokens, as fine-tuning shapes them in the papers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.retrieval import evaluate_retrieval
from vpr_ros.models.initialise import set_assignment
from vpr_ros.models.netvlad import NetVLAD
from vpr_ros.models.registry import build_aggregation
from vpr_ros.models.supervlad import SuperVLAD
from vpr_ros.training.descent import descend
from vpr_ros.training.frozen_tokens import TokenArray
from vpr_ros.training.multi_similarity import MultiSimilarity
from vpr_ros.training.place_sampler import BatchShape, IndexArray, PlaceBatchSampler
from vpr_ros.training.progress import Update
from vpr_ros.training.study.adapter import TransformerAdapter

AGGREGATIONS: Mapping[str, Mapping[str, Any]] = {
    "1-cluster VLAD, 2 ghosts": {"name": "supervlad", "clusters": 1, "ghost_clusters": 2},
    "SuperVLAD K=2, 1 ghost": {"name": "supervlad", "clusters": 2, "ghost_clusters": 1},
    "SuperVLAD K=4, 1 ghost": {"name": "supervlad", "clusters": 4, "ghost_clusters": 1},
    "SuperVLAD K=4, no ghost": {"name": "supervlad", "clusters": 4, "ghost_clusters": 0},
    "SuperVLAD K=64, 1 ghost": {"name": "supervlad", "clusters": 64, "ghost_clusters": 1},
    "NetVLAD K=2": {"name": "netvlad", "clusters": 2},
    "NetVLAD K=4": {"name": "netvlad", "clusters": 4},
    "NetVLAD K=64": {"name": "netvlad", "clusters": 64},
    "GeM": {"name": "gem"},
    "mean token": {"name": "mean"},
}
"""Rows of the table."""

_BATCH = 64
_PARTS = 10


@dataclass(frozen=True)
class StudyTraining:
    """How every row is trained.

    Attributes:
        steps, learning_rate: of Adam, cosine schedule to zero.
        places, images_per_place: of a batch.
        words_from: images that clusters are initialised from.
    """

    steps: int = 1500
    learning_rate: float = 1e-3
    places: int = 8
    images_per_place: int = 3
    words_from: int = 500


@dataclass(frozen=True, eq=False)
class TrainingTokens:
    """Labelled images as tokens.

    Attributes:
        tokens: (N, n, D).
        place_ids, groups: (N,), as in ``PlaceImages``.
    """

    tokens: TokenArray
    place_ids: IndexArray
    groups: IndexArray


@dataclass(frozen=True, eq=False)
class TaskTokens:
    """A retrieval task as tokens.

    Attributes:
        name: of the column; the tasks of several towns share it.
        database, queries: (N, n, D) and (Q, n, D).
        positives: correct database images of each query.
    """

    name: str
    database: TokenArray
    queries: TokenArray
    positives: Positives


@dataclass(frozen=True)
class Cell:
    """One aggregation, one seed.

    Attributes:
        aggregation, seed: which.
        descriptor_dim: D of the descriptor.
        trainable: parameters, adapter included.
        losses: mean of each tenth of the steps.
        recall_at_1: column -> percent of all queries, town by town.
    """

    aggregation: str
    seed: int
    descriptor_dim: int
    trainable: int
    losses: list[float]
    recall_at_1: dict[str, list[float]]


def train_cell(
    model: Head, data: TrainingTokens, tasks: Sequence[TaskTokens], training: StudyTraining, progress: Update
) -> Cell:
    """Train a head and measure it on every task.

    Raises:
        TrainingError: the loss is not finite.
    """
    model.initialise(data.tokens, training.words_from)
    losses = _train(model, data, training, progress)
    model.eval()
    recall: dict[str, list[float]] = {}
    for task in tasks:
        found = evaluate_retrieval(
            _describe(model, task.database), _describe(model, task.queries), task.positives, (1,)
        )
        recall.setdefault(task.name, []).append(found.at[1])
    parts = [float(np.mean(part)) for part in np.array_split(losses, min(_PARTS, len(losses)))]
    trainable = sum(parameter.numel() for parameter in model.parameters())
    return Cell(model.name, model.seed, int(model.aggregation.out_dim), trainable, parts, recall)


class Head(nn.Module):
    """Adapter and aggregation of one row.

    Args:
        name: key of ``AGGREGATIONS``.
        seed: of its start values, its clusters and the order of its batches; rows of one seed begin with the same
            adapter and see the same batches. It becomes torch's own.
        dim, grid: of the tokens.
    """

    def __init__(self, name: str, seed: int, dim: int, grid: tuple[int, int]) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.name, self.seed = name, seed
        config = AGGREGATIONS[name]
        options = {key: value for key, value in config.items() if key != "name"}
        self.adapter = TransformerAdapter(dim)
        self.aggregation: Any = build_aggregation(config["name"], dim, lambda: grid, options)

    def initialise(self, tokens: TokenArray, images: int) -> None:
        """Clusters by k-means over tokens as they leave the adapter, unit length, as the papers do."""
        if isinstance(self.aggregation, SuperVLAD | NetVLAD):
            rng = np.random.default_rng(self.seed)
            chosen = torch.from_numpy(tokens[rng.permutation(len(tokens))[:images]].astype(np.float32))
            with torch.no_grad():
                adapted = nn.functional.normalize(self.adapter(chosen), dim=2).numpy()
            some = np.concatenate([image[rng.permutation(len(image))[:100]] for image in adapted])
            set_assignment(self.aggregation, some, self.seed)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, n, D) -> (B, out_dim), unit length."""
        return nn.functional.normalize(self.aggregation(self.adapter(tokens)), dim=1)


def _train(model: Head, data: TrainingTokens, training: StudyTraining, progress: Update) -> list[float]:
    optimiser = torch.optim.Adam(model.parameters(), training.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, training.steps)
    objective = MultiSimilarity()
    shape = BatchShape(training.places, training.images_per_place)
    sampler = PlaceBatchSampler(data.place_ids, data.groups, shape, model.seed)
    losses: list[float] = []
    while len(losses) < training.steps:
        for draws in sampler:
            numbers = np.array([draw.index for draw in draws])
            descriptors = model(torch.from_numpy(data.tokens[numbers].astype(np.float32)))
            loss = objective(descriptors, torch.from_numpy(data.place_ids[numbers]))
            descend(loss, len(losses), optimiser, schedule)
            losses.append(loss.item())
            if len(losses) == training.steps:
                break
        sampler.set_epoch(sampler.epoch + 1)
        progress(len(losses), training.steps)
    return losses


@torch.no_grad()
def _describe(model: Head, tokens: TokenArray) -> npt.NDArray[np.float32]:
    parts = [
        model(torch.from_numpy(tokens[start : start + _BATCH].astype(np.float32))).numpy()
        for start in range(0, len(tokens), _BATCH)
    ]
    return np.concatenate(parts)
