# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the data of all recipes share: the validation sets and the loaders over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import lightning
import numpy as np

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.training.batches import BatchLoader, DescribedImages, LoaderOptions, ShareSampler
from vpr_ros.training.image_sets import EvaluationData, ImageList, RetrievalSet
from vpr_ros.training.transforms import Augmentation, TrainTransform


class RecipeData(lightning.LightningDataModule):
    """Base of the recipes' data; see the subclasses.

    Args:
        validation: retrieval tasks; the first one selects the model and stops the run.
        augmentation: of training images.
        train_size_px: height and width of training images; the model's own where not given.
        loader: see ``LoaderOptions``.
        seed: of the order, the draws and the augmentation.
    """

    def __init__(
        self,
        validation: Sequence[EvaluationData],
        augmentation: Augmentation | None = None,
        train_size_px: tuple[int, int] | None = None,
        loader: LoaderOptions | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not validation:
            raise TrainingError(
                "the recipe names no validation set", "Add one below data.init_args.validation: it selects the model"
            )
        self.validation = tuple(validation)
        self.augmentation = augmentation or Augmentation()
        self.train_size_px = train_size_px
        self.loader = loader or LoaderOptions()
        self.seed = seed
        self._validation_sets: list[RetrievalSet] | None = None

    @property
    def validation_sets(self) -> list[RetrievalSet]:
        """The validation sets, read when first asked for."""
        if self._validation_sets is None:
            self._validation_sets = [data.open() for data in self.validation]
        return self._validation_sets

    @property
    def preprocessing(self) -> Preprocessing:
        """Of the model that is being trained: the same as on the robot."""
        model = getattr(self._trainer().lightning_module, "model", None)
        if model is None:
            raise ConfigError("the data module runs without a recipe module", "Use one of vpr_ros.training")
        preprocessing: Preprocessing = model.config.preprocessing
        return preprocessing

    @property
    def transform(self) -> TrainTransform:
        """Of training images."""
        return TrainTransform(self.preprocessing, self.augmentation, self.train_size_px)

    def batches_per_epoch(self) -> int:
        """Batches of this process per epoch."""
        raise NotImplementedError

    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch, after limits and gradient accumulation."""
        trainer = self._trainer()
        limit = trainer.limit_train_batches
        batches = self.batches_per_epoch()
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
        return math.ceil(batches / int(trainer.accumulate_grad_batches))

    def val_dataloader(self) -> list[BatchLoader]:
        """One loader per validation set, database images first."""
        trainer = self._trainer()
        loaders = []
        for task in self.validation_sets:
            images = DescribedImages([task.database, task.queries], self.preprocessing)
            sampler = ShareSampler(len(images), self.loader.evaluation_batch, trainer.global_rank, trainer.world_size)
            loaders.append(BatchLoader(images, sampler, self.loader))
        return loaders

    def initialisation_images(self, count: int, seed: int) -> ImageList:
        """Return random images of the first validation set's database."""
        database = self.validation_sets[0].database
        chosen = np.random.default_rng(seed).permutation(len(database))[:count]
        return Chosen(database, chosen.tolist())

    def _trainer(self) -> Any:
        if self.trainer is None:
            raise ConfigError(
                "the data module was asked before its trainer was set", "Start it through `vpr_ros train fit`"
            )
        return self.trainer


class Chosen:
    """Some images of a list."""

    def __init__(self, images: ImageList, indices: Sequence[int]) -> None:
        self._images = images
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    def within(self, index: int) -> tuple[ImageList, int]:
        """The list it is chosen from, and its number there."""
        return self._images, self._indices[index]

    def load(self, index: int) -> ImageRgb:
        """Decode one image; see ``ImageList.load``."""
        return self._images.load(self._indices[index])

    def name(self, index: int) -> str:
        """Return its name."""
        return self._images.name(self._indices[index])
