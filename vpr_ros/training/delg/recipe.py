# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Training of DELG on images by class: landmarks, or places (docs/methods.md 7.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.training.batches import BatchLoader, PlaceBatches
from vpr_ros.training.data_module import RecipeData
from vpr_ros.training.delg.objective import DelgLossConfig, DelgObjective
from vpr_ros.training.image_sets import PlaceData, PlaceImages
from vpr_ros.training.optimiser import build_optimiser, build_schedule
from vpr_ros.training.recipe_module import RecipeModule
from vpr_ros.training.shuffled_sampler import ShuffledSampler


class DelgTraining(RecipeModule):
    """One network, three losses; the trunk learns from the first alone.

    Args:
        loss: numbers of the losses.
        recipe: see ``RecipeModule``; ``chunk_images`` is not for it, because averaging the gradients of parts
            (``trainer.accumulate_grad_batches``) is exact for losses of single images.

    Raises:
        ConfigError: a model without a local head, or ``chunk_images``.
    """

    def __init__(self, *, loss: DelgLossConfig | None = None, **recipe: Any) -> None:
        super().__init__(**recipe)
        if self.model.local_head is None:
            raise ConfigError("the recipe's model has no local_head", "Add `local_head: {name: delg}` below model")
        if self.chunk_images is not None:
            raise ConfigError("chunk_images with DELG", "Set trainer.accumulate_grad_batches: it is exact here")
        self.loss = loss or DelgLossConfig()
        self.objective: DelgObjective | None = None

    def configure_model(self) -> None:
        """Build the classifiers, as large as the data set has classes."""
        if self.objective is None:
            dims = self.model.descriptor_dim, self.model.backbone.inner_dim
            with torch.random.fork_rng(devices=[]):  # the same classifiers whenever this is called
                torch.default_generator.manual_seed(self.seed)
                self.objective = DelgObjective(*dims, self._classes().classes, self.loss)

    def configure_optimizers(self) -> Any:
        """One optimiser for the network and the classifiers; its schedule moves with every step."""
        optimiser = build_optimiser(self.model, self.optimiser_config, beside=self.objective)
        schedule = build_schedule(optimiser, self.optimiser_config, self.data.steps_per_epoch())
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of one batch: images (B, 3, H, W) and class indices (B,)."""
        images, labels = batch
        inner, last = self.model.backbone.stages(images)
        descriptors = self.model.aggregate(last.flatten(2).transpose(1, 2))
        if self.objective is None:
            raise ConfigError("DelgTraining runs without a trainer", "Start it through `vpr_ros train fit`")
        losses = self.objective(descriptors, self.model.local_head.lessons(inner), labels)
        self.log("train/loss", losses.total, prog_bar=True, batch_size=len(images))
        for name in ("descriptor", "reconstruction", "attention"):
            self.log(f"train/loss_{name}", getattr(losses, name), batch_size=len(images))
        return self.checked(losses.total)

    def _classes(self) -> ClassDataModule:
        data = self.data
        if not isinstance(data, ClassDataModule):
            raise ConfigError(
                f"DelgTraining with data of {type(data).__name__}", "Use vpr_ros.training.delg.recipe.ClassDataModule"
            )
        return data


class ClassDataModule(RecipeData):
    """Shuffled batches of images with the number of their class.

    Args:
        train: labelled images; what it calls places are the classes.
        batch_images: over all processes together.
        recipe: see ``RecipeData``.
    """

    def __init__(self, *, train: PlaceData, batch_images: int, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.train = train
        self.batch_images = batch_images
        self._images: PlaceImages | None = None

    @property
    def images(self) -> PlaceImages:
        """The training images, read when first asked for; labels count from 0.

        Raises:
            TrainingError: fewer than two classes.
        """
        if self._images is None:
            found = self.train.open()
            names, labels = np.unique(found.place_ids, return_inverse=True)
            if len(names) < 2:
                raise TrainingError(
                    f"{found.description}: {len(names)} classes, a classifier needs two or more",
                    "Check the root of the data set",
                )
            self._images = replace(found, place_ids=labels.reshape(-1).astype(np.int64))
        return self._images

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(self.images.place_ids.max()) + 1

    def batches_per_epoch(self) -> int:
        """Batches of this process per epoch."""
        return len(self._sampler())

    def train_dataloader(self) -> BatchLoader:
        """Loader of shuffled batches, another order every epoch."""
        return BatchLoader(PlaceBatches(self.images, self.transform), self._sampler(), self.loader)

    def _sampler(self) -> ShuffledSampler:
        trainer = self._trainer()
        return ShuffledSampler(
            len(self.images.images), self.batch_images, self.seed, trainer.global_rank, trainer.world_size
        )
