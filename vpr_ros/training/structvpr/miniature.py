# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""StructVPR in miniature: two narrow branches, trained as the recipes train the large ones.

A MobileNetV2 takes five times as long for an image of this size on a CPU; what is compared is the distillation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vpr_ros.models.stage_gem import StageGeM
from vpr_ros.training.descent import descend
from vpr_ros.training.image_sets import IndexArray
from vpr_ros.training.multi_similarity import MultiSimilarity
from vpr_ros.training.place_sampler import BatchShape, PlaceBatchSampler
from vpr_ros.training.progress import Update
from vpr_ros.training.structvpr.distillation_loss import distillation_loss
from vpr_ros.training.structvpr.sample_weights import WeightArray, WeightRule

DescriptorArray = npt.NDArray[np.float32]
Look = Callable[[IndexArray, torch.Generator | None], Tensor]
"""Some training images as a branch sees them; with a generator in another light."""

WIDTHS = (16, 24, 32, 48, 64)
_AT_ONCE = 128


@dataclass(frozen=True)
class MiniatureTraining:
    """How every branch is trained: AdamW, linearly to 0.

    Attributes:
        steps: of each stage.
        places, images_per_place: of a batch.
        first_rate, second_rate: learning rates the stages begin with.
        distillation: lambda.
        threshold: N_t.
    """

    steps: int = 700
    places: int = 8
    images_per_place: int = 4
    first_rate: float = 3e-3
    second_rate: float = 1e-3
    distillation: float = 1.0
    threshold: int = 3


def variants(threshold: int) -> Mapping[str, WeightRule | None]:
    """The rows of the paper's ablation that go by the teacher's rank; S2 is D4."""
    groups = ("all", "D1", "D2", "D3", "D4", "S1")
    rules = {group: WeightRule(group, by_rank=False, threshold=threshold) for group in groups}
    return {NONE: None, **rules, WEIGHTED: WeightRule("S1", by_rank=True, threshold=threshold)}


NONE, WEIGHTED = "none", "S1 weighted"


class MiniatureBranch(nn.Module):
    """Five strides, the last three pooled side by side.

    Args:
        in_channels: 3, or groups of a label map.
        seed: of the weights.
    """

    def __init__(self, in_channels: int, seed: int) -> None:
        super().__init__()
        first, second, *widths = WIDTHS
        self.stem = nn.Sequential(_convolution(in_channels, first, 2), _convolution(first, second, 2))
        self.stages = nn.ModuleList(
            nn.Sequential(_convolution(before, width, 2), _convolution(width, width, 1))
            for before, width in zip((second, *widths), widths, strict=False)
        )
        self.aggregation = StageGeM(widths, learn_p=False)
        own = torch.Generator().manual_seed(seed)  # torch's own is shared by branches that are made side by side
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu", generator=own)

    def forward(self, images: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, 144), unit length."""
        x, pyramid = self.stem(images), []
        for stage in self.stages:
            x = stage(x)
            pyramid.append(x)
        described: Tensor = self.aggregation(pyramid)
        return described


@dataclass(frozen=True, eq=False)
class MiniatureLessons:
    """What the teacher says of all training images.

    Attributes:
        answers: (N, D).
        weights: (N,).
    """

    answers: DescriptorArray
    weights: WeightArray


@dataclass(frozen=True, eq=False)
class TrainingViews:
    """Training images by place; ``rows`` are those whose places are large enough to be drawn.

    Attributes:
        look: see ``Look``; takes numbers of all images.
        rows: (M,) of all images.
        place_ids, groups: (M,).
    """

    look: Look
    rows: IndexArray
    place_ids: IndexArray
    groups: IndexArray


@dataclass(frozen=True)
class Watch:
    """What is measured during training, after some of the steps."""

    steps: tuple[int, ...] = ()
    measure: Callable[[nn.Module], float] = field(default=lambda _branch: float("nan"))


def train_branch(
    branch: MiniatureBranch,
    views: TrainingViews,
    seed: int,
    rate: float,
    training: MiniatureTraining,
    progress: Update,
    lessons: MiniatureLessons | None = None,
    watch: Watch | None = None,
) -> list[float]:
    """Train one branch in place, and return what *watch* measured.

    Args:
        branch: as the stage begins.
        views: what it sees.
        seed: of order and light; variants of one seed see the same batches.
        rate: learning rate at the start.
        training: see there.
        progress: told of every step.
        lessons: what is distilled; nothing where None.
        watch: see ``Watch``.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    optimiser = torch.optim.AdamW(branch.parameters(), rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.0, 1.0 - step / training.steps))
    objective, light = MultiSimilarity(), torch.Generator().manual_seed(seed)
    found: list[float] = []
    branch.train()
    for step, numbers in enumerate(_batches(views, seed, training), 1):
        chosen = views.rows[numbers]
        described = branch(views.look(chosen, light))
        loss = objective(described, torch.from_numpy(views.place_ids[numbers]))
        if lessons is not None:
            answers = torch.from_numpy(lessons.answers[chosen]).unsqueeze(1)
            weights = torch.from_numpy(lessons.weights[chosen])
            loss = loss + training.distillation * distillation_loss(described.unsqueeze(1), answers, weights)
        descend(loss, step, optimiser, schedule)
        progress(step, training.steps)
        if watch is not None and step in watch.steps:
            found.append(watch.measure(branch.eval()))
            branch.train()
    branch.eval()
    return found


@torch.no_grad()
def describe(branch: nn.Module, look: Look, count: int) -> DescriptorArray:
    """(count, D) of the first images of *look*, in the light they have; the branch is in eval mode."""
    numbers = np.arange(count)
    parts = [branch(look(numbers[first : first + _AT_ONCE], None)).numpy() for first in range(0, count, _AT_ONCE)]
    return np.concatenate(parts)


def _batches(views: TrainingViews, seed: int, training: MiniatureTraining) -> Any:
    shape = BatchShape(training.places, training.images_per_place)
    sampler = PlaceBatchSampler(views.place_ids, views.groups, shape, seed)
    left = training.steps
    while left:
        for draws in sampler:
            yield np.array([draw.index for draw in draws])
            left -= 1
            if not left:
                return
        sampler.set_epoch(sampler.epoch + 1)


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
