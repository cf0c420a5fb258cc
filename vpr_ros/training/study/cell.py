"""One aggregation, one seed: trained and measured on a frozen backbone, with the same data, loss and schedule as all.

What differs between two rows is the aggregation alone. A small linear adapter, the same for all, lets the loss shape
the tokens, as fine-tuning shapes them in the papers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vpr_ros.core.errors import TrainingError
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.retrieval import evaluate_retrieval
from vpr_ros.models.initialise import set_assignment
from vpr_ros.models.netvlad import NetVLAD
from vpr_ros.models.registry import build_aggregation
from vpr_ros.models.supervlad import SuperVLAD
from vpr_ros.training.frozen_tokens import TokenArray
from vpr_ros.training.multi_similarity import MultiSimilarity
from vpr_ros.training.place_sampler import BatchShape, IndexArray, PlaceBatchSampler
from vpr_ros.training.progress import Update

AGGREGATIONS: Mapping[str, Mapping[str, Any]] = {
    "SuperVLAD K=4, 1 ghost": {"name": "supervlad", "clusters": 4, "ghost_clusters": 1},
    "SuperVLAD K=4, no ghost": {"name": "supervlad", "clusters": 4, "ghost_clusters": 0},
    "1-cluster VLAD, 2 ghosts": {"name": "supervlad", "clusters": 1, "ghost_clusters": 2},
    "NetVLAD K=4": {"name": "netvlad", "clusters": 4},
    "NetVLAD K=64": {"name": "netvlad", "clusters": 64},
    "GeM": {"name": "gem"},
    "mean token": {"name": "mean"},
}
"""Rows of the table."""

_BATCH = 64


@dataclass(frozen=True)
class StudyTraining:
    """How every row is trained.

    Attributes:
        steps, learning_rate: of Adam, cosine schedule to zero.
        places, images_per_place: of a batch.
        words_from: images that clusters are initialised from.
    """

    steps: int = 300
    learning_rate: float = 1e-3
    places: int = 16
    images_per_place: int = 4
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
        name: of the column.
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
        losses: mean of the first and of the last tenth of the steps.
        recall_at_1: task -> percent of all queries.
    """

    aggregation: str
    seed: int
    descriptor_dim: int
    trainable: int
    losses: tuple[float, float]
    recall_at_1: dict[str, float]


def train_cell(
    aggregation: str,
    seed: int,
    grid: tuple[int, int],
    data: TrainingTokens,
    tasks: Sequence[TaskTokens],
    training: StudyTraining,
    progress: Update,
) -> Cell:
    """Train one row with one seed and measure it on every task.

    Raises:
        TrainingError: the loss is not finite.
        ConfigError: an unknown aggregation.
    """
    torch.manual_seed(seed)
    model = _Head(AGGREGATIONS[aggregation], data.tokens.shape[2], grid)
    model.initialise(data.tokens, training.words_from, seed)
    losses = _train(model, data, seed, training, progress)
    model.eval()
    recall = {
        task.name: evaluate_retrieval(
            _describe(model, task.database), _describe(model, task.queries), task.positives, (1,)
        ).at[1]
        for task in tasks
    }
    tenth = max(1, len(losses) // 10)
    ends = float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))
    trainable = sum(parameter.numel() for parameter in model.parameters())
    return Cell(aggregation, seed, int(model.aggregation.out_dim), trainable, ends, recall)


class _Head(nn.Module):
    """Adapter and aggregation."""

    def __init__(self, config: Mapping[str, Any], dim: int, grid: tuple[int, int]) -> None:
        super().__init__()
        options = {key: value for key, value in config.items() if key != "name"}
        self.adapter = nn.Linear(dim, dim)
        self.aggregation: Any = build_aggregation(config["name"], dim, lambda: grid, options)
        with torch.no_grad():
            self.adapter.weight.copy_(torch.eye(dim))
            self.adapter.bias.zero_()

    def initialise(self, tokens: TokenArray, images: int, seed: int) -> None:
        """Clusters by k-means over tokens, as the papers do; the adapter is still the identity."""
        if isinstance(self.aggregation, SuperVLAD | NetVLAD):
            rng = np.random.default_rng(seed)
            chosen = tokens[rng.permutation(len(tokens))[:images]].astype(np.float32)
            some = np.concatenate([image[rng.permutation(len(image))[:100]] for image in chosen])
            set_assignment(self.aggregation, some, seed)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, n, D) -> (B, out_dim), unit length."""
        return nn.functional.normalize(self.aggregation(self.adapter(tokens)), dim=1)


def _train(model: _Head, data: TrainingTokens, seed: int, training: StudyTraining, progress: Update) -> list[float]:
    optimiser = torch.optim.Adam(model.parameters(), training.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, training.steps)
    objective = MultiSimilarity()
    shape = BatchShape(training.places, training.images_per_place)
    sampler = PlaceBatchSampler(data.place_ids, data.groups, shape, seed)
    losses: list[float] = []
    while len(losses) < training.steps:
        for draws in sampler:
            numbers = np.array([draw.index for draw in draws])
            descriptors = model(torch.from_numpy(data.tokens[numbers].astype(np.float32)))
            loss = objective(descriptors, torch.from_numpy(data.place_ids[numbers]))
            if not torch.isfinite(loss):
                raise TrainingError(f"the loss became {loss.item()} at step {len(losses)}", "Lower the learning rate")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
            if len(losses) == training.steps:
                break
        sampler.set_epoch(sampler.epoch + 1)
        progress(len(losses), training.steps)
    return losses


@torch.no_grad()
def _describe(model: _Head, tokens: TokenArray) -> npt.NDArray[np.float32]:
    parts = [
        model(torch.from_numpy(tokens[start : start + _BATCH].astype(np.float32))).numpy()
        for start in range(0, len(tokens), _BATCH)
    ]
    return np.concatenate(parts)
