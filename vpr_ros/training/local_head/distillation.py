# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Distil keypoints into a model: only its local head learns, its descriptors stay what they are.

The teacher sees the image as it is, the student in another light: what only light changes is no keypoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.keypoint_head import KeypointHead
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.training.appearance import AppearanceRange, change_appearance
from vpr_ros.training.descent import descend
from vpr_ros.training.local_head.teacher import Answers, KeypointTeacher

SMALLEST_SCALE, LARGEST_SCALE = 0.01, 16.0


@dataclass(frozen=True)
class LocalTraining:
    """How long and how hard.

    Attributes:
        steps, batch_size: of the optimisation.
        scales: of the images, see ``windows``.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: of AdamW.
        unreliable_weight: what a place that the teacher calls unreliable counts for descriptors; others count one more.
        seed: of windows, appearance and initial weights.
    """

    steps: int = 2500
    batch_size: int = 4
    scales: tuple[float, float] = (0.8, 2.2)
    learning_rate: float = 1e-2
    weight_decay: float = 1e-4
    unreliable_weight: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what nothing can be learned with.

        Raises:
            ConfigError: which number, and its bounds.
        """
        for name, least, most in (
            ("steps", 1, 10**7),
            ("batch_size", 1, 4096),
            ("learning_rate", 0.0, 10.0),
            ("weight_decay", 0.0, 1.0),
            ("unreliable_weight", 0.0, 100.0),
            ("seed", 0, 2**63 - 1),
        ):
            if not least <= (value := getattr(self, name)) <= most:
                raise ConfigError(f"training has {name}={value}, expected {least} to {most}", "Correct the recipe")
        if len(self.scales) != 2 or not SMALLEST_SCALE <= self.scales[0] <= self.scales[1] <= LARGEST_SCALE:
            raise ConfigError(
                f"training has scales {list(self.scales)}, expected two from {SMALLEST_SCALE} to {LARGEST_SCALE}",
                "Give the smallest and the largest, such as [0.8, 2.2]",
            )


def distil_head(
    model: PlaceModel,
    head: KeypointHead,
    images: Iterator[Tensor],
    teacher: KeypointTeacher,
    training: LocalTraining,
    appearance: AppearanceRange,
    report: Callable[[int, float], None],
) -> None:
    """Train *head* on what *model* sees; *report* hears of every step: its number, its loss.

    Args:
        model: with the head in it; is put into eval mode, nothing but the head changes.
        images: batches (B, 3, H, W) on the 0..1 scale, of the model's input size.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    generator = torch.Generator().manual_seed(training.seed)
    size = model.config.preprocessing
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (size.mean, size.std))
    optimiser = torch.optim.AdamW(head.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, training.learning_rate, total_steps=training.steps, pct_start=0.1
    )
    model.eval()
    head.train()
    for step in range(training.steps):
        as_they_are = next(images)
        seen = (change_appearance(as_they_are, appearance, generator) - mean) / std
        loss = _loss(model, head, seen, teacher(as_they_are), training.unreliable_weight)
        descend(loss, step, optimiser, schedule)
        report(step, loss.item())
    head.eval()


def _loss(model: PlaceModel, head: KeypointHead, seen: Tensor, taught: Answers, unreliable_weight: float) -> Tensor:
    """Divergence of the cells from the teacher's, and of descriptors and reliability where the head learns them."""
    said = torch.log_softmax(head.cells.logits(seen), dim=1)
    loss = functional.kl_div(said, taught.cells, reduction="none").sum(dim=1).mean()
    if taught.descriptors is None or taught.reliability is None:
        return loss
    with torch.no_grad():
        inner = model.backbone.with_inner(seen, False)[1]
    descriptors, judgement = head.dense(inner)
    grid = descriptors.shape[2:]
    wanted = functional.normalize(functional.interpolate(taught.descriptors, grid, mode="area"), dim=1)
    reliability = functional.interpolate(taught.reliability.unsqueeze(1), grid, mode="area").squeeze(1)
    weight = reliability + unreliable_weight
    distance = (weight * (1.0 - (descriptors * wanted).sum(dim=1))).sum() / weight.sum()
    return loss + distance + functional.binary_cross_entropy_with_logits(judgement, reliability)
