# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Metric learning on images labelled by place: GSV-Cities and whatever else knows its places (docs/methods.md 1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from vpr_ros.training.batches import BatchLoader, PlaceBatches
from vpr_ros.training.data_module import RecipeData
from vpr_ros.training.gather import gather_constant, gather_rows
from vpr_ros.training.image_sets import PlaceData, PlaceImages
from vpr_ros.training.multi_similarity import MultiSimilarity
from vpr_ros.training.place_sampler import BatchShape, PlaceBatchSampler
from vpr_ros.training.recipe_module import RecipeModule


@dataclass(frozen=True)
class MultiSimilarityConfig:
    """Numbers of ``MultiSimilarity``."""

    alpha: float = 1.0
    beta: float = 50.0
    base: float = 0.0
    epsilon: float | None = 0.1


class MetricLearning(RecipeModule):
    """Multi-similarity loss over the whole batch, whatever number of processes holds it.

    With gradient accumulation the loss of each part sees only its own places: prefer ``chunk_images``, which is exact.

    Args:
        loss: numbers of the loss and its miner.
        recipe: see ``RecipeModule``.
    """

    def __init__(self, *, loss: MultiSimilarityConfig | None = None, **recipe: Any) -> None:
        super().__init__(**recipe)
        numbers = loss or MultiSimilarityConfig()
        self.objective = MultiSimilarity(numbers.alpha, numbers.beta, numbers.base, numbers.epsilon)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of one batch: images (B, 3, H, W) and place labels (B,)."""
        images, labels = batch
        return self.pair_loss(self.descriptors(images), labels)

    def pair_loss(self, own: Tensor, labels: Tensor) -> Tensor:
        """Loss of the whole batch from the descriptors (B, D) of this process, and what is logged of it."""
        descriptors = gather_rows(own)
        loss = self.checked(self.objective(descriptors, gather_constant(labels)))
        self.log("train/loss", loss, prog_bar=True, batch_size=len(own))
        return loss


class PlaceDataModule(RecipeData):
    """Batches of P places with K images each.

    Args:
        train: labelled images.
        batch: P and K over all processes together.
        recipe: see ``RecipeData``.
    """

    def __init__(self, *, train: PlaceData, batch: BatchShape, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.train = train
        self.batch = batch
        self._places: PlaceImages | None = None

    @property
    def places(self) -> PlaceImages:
        """The training images, read when first asked for."""
        if self._places is None:
            self._places = self.train.open()
        return self._places

    def batches_per_epoch(self) -> int:
        """Batches per epoch."""
        return len(self._sampler())

    def train_dataloader(self) -> BatchLoader:
        """Loader of P x K batches, reshuffled every epoch."""
        return BatchLoader(self.batches(), self._sampler(), self.loader)

    def batches(self) -> PlaceBatches:
        """What makes a batch of draws."""
        return PlaceBatches(self.places, self.transform)

    def _sampler(self) -> PlaceBatchSampler:
        trainer = self._trainer()
        return PlaceBatchSampler(
            self.places.place_ids, self.places.groups, self.batch, self.seed, trainer.global_rank, trainer.world_size
        )
