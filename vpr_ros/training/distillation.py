# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Dense distillation: a small backbone learns a teacher's local features from images without labels.

Every position of the feature grid is a target, so a few thousand images are millions of examples. The student sees
the image in another light than the teacher did and so learns what the teacher was never told: invariance to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from vpr_ros.models.nano import STRIDE_PX, NanoBackbone
from vpr_ros.training.appearance import AppearanceRange, change_appearance
from vpr_ros.training.descent import descend


@dataclass(frozen=True, eq=False)
class Lessons:
    """What the student learns from.

    Attributes:
        images: (N, H, W, 3) uint8.
        features: (N, C, H/8, W/8) float16, unit length over C.
        reliability: (N, H/8, W/8) float16, 0..1.
    """

    images: npt.NDArray[np.uint8]
    features: npt.NDArray[np.float16]
    reliability: npt.NDArray[np.float16]


@dataclass(frozen=True)
class DistillationConfig:
    """How long and how hard.

    Attributes:
        steps, batch_size: of the optimisation.
        crop: rows and columns of the feature grid a training crop covers.
        learning_rate: peak of the one-cycle schedule.
        weight_decay: of AdamW.
        unreliable_weight: what a position counts that the teacher calls unreliable; reliable ones count one more.
        reliability_weight: of the cross entropy with the teacher's reliability, beside the mean cosine distance.
        seed: of crops, appearance and initial weights.
    """

    steps: int = 3000
    batch_size: int = 16
    crop: tuple[int, int] = (20, 24)
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    unreliable_weight: float = 0.2
    reliability_weight: float = 0.25
    seed: int = 0


def distil(
    lessons: Lessons,
    config: DistillationConfig,
    appearance: AppearanceRange,
    report: Callable[[int, float, NanoBackbone], None],
) -> NanoBackbone:
    """Train a backbone; *report* hears of every step: its number, its loss, the student as it stands.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    student = NanoBackbone(lessons.features.shape[1]).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(student.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps, pct_start=0.1
    )
    crops = _crops(lessons, config)
    for step in range(config.steps):
        images, features, reliability = next(crops)
        seen = change_appearance(images, appearance, generator).contiguous(memory_format=torch.channels_last)
        answer, judgement = student.features(seen)
        weight = reliability + config.unreliable_weight
        distance = (weight * (1.0 - (answer * features).sum(dim=1))).sum() / weight.sum()
        misjudged = functional.binary_cross_entropy_with_logits(judgement, reliability)
        loss = distance + config.reliability_weight * misjudged
        descend(loss, step, optimiser, schedule, clipped=[student.parameters()])
        report(step, loss.item(), student)
    return student.eval()


def _crops(lessons: Lessons, config: DistillationConfig) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless (images, features, reliability): crops on the feature grid, so that both sides show the same pixels."""
    rng = np.random.default_rng(config.seed)
    rows, columns = config.crop
    while True:
        images, features, reliability = [], [], []
        for index in rng.integers(len(lessons.images), size=config.batch_size):
            top = int(rng.integers(lessons.features.shape[2] - rows + 1))
            left = int(rng.integers(lessons.features.shape[3] - columns + 1))
            cells = np.s_[top : top + rows, left : left + columns]
            pixels = np.s_[top * STRIDE_PX : (top + rows) * STRIDE_PX, left * STRIDE_PX : (left + columns) * STRIDE_PX]
            images.append(lessons.images[index][pixels])
            features.append(lessons.features[index][:, cells[0], cells[1]])
            reliability.append(lessons.reliability[index][cells])
        yield (
            torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255.0,
            torch.from_numpy(np.stack(features)).float(),
            torch.from_numpy(np.stack(reliability)).float(),
        )
