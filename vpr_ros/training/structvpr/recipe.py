# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The second stage: the place recognition loss plus sample-weighted distillation (docs/methods.md 9.4).

The exported student is the model alone: teacher, label maps and the layer between two sizes stay in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from vpr_ros.core.errors import ConfigError
from vpr_ros.training.metric_learning import MetricLearning
from vpr_ros.training.optimiser import build_optimiser, build_schedule
from vpr_ros.training.recipe_module import RecipeModule
from vpr_ros.training.structvpr.distillation_loss import Bridge, distillation_loss
from vpr_ros.training.structvpr.group_record import GroupRecord
from vpr_ros.training.structvpr.lesson_batches import Lesson
from vpr_ros.training.structvpr.partition import DISJOINT
from vpr_ros.training.structvpr.taught_data import TaughtData
from vpr_ros.training.structvpr.teacher import SegTeacher
from vpr_ros.training.triplet_training import TripletRanking

DRAWN_KEY = "vpr_ros_drawn"
"""Where a Lightning checkpoint keeps how many pairs of each group the epoch has seen."""


class Distillation(RecipeModule):
    """What both kinds of second stage share.

    Args:
        distillation: weight of the distillation beside the place recognition loss (lambda).
        recipe: see ``RecipeModule``.

    Raises:
        ConfigError: a negative weight.
    """

    def __init__(self, *, distillation: float = 1.0, **recipe: Any) -> None:
        super().__init__(**recipe)
        if not distillation >= 0:
            raise ConfigError(f"distillation: {distillation}", "Give a weight of 0 or more")
        self.distillation = distillation
        self.bridge: Bridge | None = None
        self.drawn = np.zeros(1 + len(DISJOINT), dtype=np.int64)

    @property
    def taught(self) -> TaughtData:
        """The data module.

        Raises:
            ConfigError: it has no teacher.
        """
        data = self.data
        if not isinstance(data, TaughtData):
            raise ConfigError(
                f"{type(self).__name__} with data of {type(data).__name__}",
                "Use TaughtTuples or TaughtPlaces of vpr_ros.training.structvpr.taught_data",
            )
        return data

    def configure_model(self) -> None:
        """Build what leads from the student's descriptor to the teacher's."""
        if self.bridge is None:
            with torch.random.fork_rng(devices=[]):  # the same whenever this is called
                torch.default_generator.manual_seed(self.seed)
                self.bridge = Bridge(self.model.descriptor_dim, self.taught.teacher.dim)

    def configure_callbacks(self) -> Sequence[Callback]:
        """What follows the groups over time."""
        return [GroupRecord()]

    def configure_optimizers(self) -> Any:
        """One optimiser for the student and what leads to the teacher."""
        optimiser = build_optimiser(self.model, self.optimiser_config, beside=self.bridge)
        schedule = build_schedule(optimiser, self.optimiser_config, self.data.steps_per_epoch())
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        """Count the groups of the epoch's pairs anew."""
        super().on_train_epoch_start()
        self.drawn[:] = 0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what was counted of this epoch."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[DRAWN_KEY] = torch.from_numpy(self.drawn.copy())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting; an epoch that was interrupted does not start again.

        Raises:
            TrainingError: the checkpoint is of another model.
        """
        super().on_load_checkpoint(checkpoint)
        self.drawn[:] = checkpoint[DRAWN_KEY].numpy()

    def taught_loss(self, loss: Tensor, views: Tensor, lesson: Lesson) -> Tensor:
        """The place recognition loss and the distillation of (T, V, D) descriptors of the pairs' views."""
        if self.bridge is None:
            raise ConfigError("a distillation runs without a trainer", "Start it through `vpr_ros train fit`")
        answers = self._answers(lesson.teacher)
        student = self.bridge(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        distilled = distillation_loss(student, answers, lesson.weights)
        self.log("train/loss_distillation", distilled, batch_size=len(lesson.weights))
        self.drawn += np.bincount(lesson.groups.cpu().numpy(), minlength=len(self.drawn))
        return self.checked(loss + self.distillation * distilled)

    def _answers(self, of_teacher: Tensor) -> Tensor:
        """(T, V, D), of kept answers or of label maps (T, V, height, width)."""
        teacher = self.taught.teacher
        if not isinstance(teacher, SegTeacher):
            return of_teacher
        return teacher.answer(of_teacher.flatten(0, 1)).unflatten(0, of_teacher.shape[:2])


class DistilledTripletRanking(Distillation, TripletRanking):
    """Triplet ranking loss plus distillation of each query and its positive, as in the paper."""

    def configure_optimizers(self) -> Any:
        """One optimiser; ``on_train_epoch_start`` sets its learning rate."""
        return build_optimiser(self.model, self.optimiser_config, beside=self.bridge)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Loss of one batch: images (B, 3, H, W), the rows of each tuple (T, 2 + M), the lesson of each tuple."""
        images, rows, lesson = batch
        described = self.descriptors(images)
        return self.taught_loss(self.ranking_loss(described, rows), described[rows[:, :2]], lesson)


class DistilledMetricLearning(Distillation, MetricLearning):
    """Multi-similarity loss plus distillation of each image."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Loss of one batch: images (B, 3, H, W), place labels (B,), the lesson of each image."""
        images, labels, lesson = batch
        described = self.descriptors(images)
        return self.taught_loss(self.pair_loss(described, labels), described.unsqueeze(1), lesson)
