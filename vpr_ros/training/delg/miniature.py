# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DELG's claims in miniature: one small trunk trained as the paper does and in the ways it argues against.

What differs between two variants is one thing. Heads behind the stop-gradient do not touch the trunk, so several are
trained on it at once and their differences are of the heads alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.delg_head import DelgHead, LocalMaps
from vpr_ros.training.arcface import ArcFace
from vpr_ros.training.descent import descend
from vpr_ros.training.image_sets import IndexArray
from vpr_ros.training.shuffled_sampler import ShuffledSampler
from vpr_ros.training.transforms import CropRange

ImageArray = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]
LARGEST_GRADIENT = 10.0
WINDOW = CropRange(area=(0.9, 1.0), least_area=0.9, aspect=(1.25, 1.4))
"""The paper's windows, a tenth of the image and more, teach that nearer is the same: here it is the next place."""


@dataclass(frozen=True)
class Variant:
    """How one model is trained.

    Attributes:
        arcface: else a plain softmax classifier of the descriptor, without margin and norm.
        p: exponent of the pooling; 1 is the mean.
        stop_gradient: else the losses of the local head reach the trunk.
        heads: name -> channels of its descriptors and weight of its reconstruction; none where only the global
            descriptor is compared.
    """

    arcface: bool = True
    p: float = 3.0
    stop_gradient: bool = True
    heads: Mapping[str, tuple[int, float]] = field(default_factory=dict)


AUTOENCODER, LINEAR, WIDE = "autoencoder", "linear", "wide"
VARIANTS: Final[Mapping[str, Variant]] = {
    "published": Variant(heads={AUTOENCODER: (32, 10.0), LINEAR: (32, 0.0), WIDE: (128, 10.0)}),
    "gradients reach the trunk": Variant(stop_gradient=False, heads={AUTOENCODER: (32, 10.0)}),
    "softmax": Variant(arcface=False),
    "mean pooling": Variant(p=1.0),
}
"""Of 128 channels an autoencoder keeps a quarter; "linear" are the same layers under the attention loss alone; "wide"
has as many bits as the paper's when it is binarised."""


@dataclass(frozen=True)
class MiniatureTraining:
    """How every variant is trained: SGD, momentum 0.9, linearly to zero, gradients clipped at a norm of 10.

    Attributes:
        steps, batch_images, learning_rate: of the optimisation.
        height_px, width_px: of the windows that are cut and resized.
        attention_dim: channels between the two layers of the attention.
    """

    steps: int = 150
    batch_images: int = 16
    learning_rate: float = 0.03
    height_px: int = 96
    width_px: int = 128
    attention_dim: int = 128


@dataclass(frozen=True, eq=False)
class TrainedVariant:
    """A trained model.

    Attributes:
        model: its local head is one of ``heads``, if it has any.
        heads: by name.
        first_loss, last_loss: of the global descriptor, means over the first and the last tenth.
        sparsity: share of zeros in the inner and the last map, in the last step.
    """

    model: PlaceModel
    heads: Mapping[str, DelgHead]
    first_loss: float
    last_loss: float
    sparsity: tuple[float, float]


def train_variant(
    variant: Variant,
    seed: int,
    start: Mapping[str, Tensor],
    images: ImageArray,
    labels: IndexArray,
    training: MiniatureTraining,
    progress: Progress,
) -> TrainedVariant:
    """Train one variant.

    Args:
        variant: see there.
        seed: of weights, order and windows.
        start: weights of the trunk, by the names of ``NanoStages``.
        images: (N, H, W, 3).
        labels: (N,) class of each, from 0.
        training: see there.
        progress: told of every step.

    Raises:
        TrainingError: the loss is no longer a number.
    """
    torch.manual_seed(seed)
    model = _model(variant, start)
    objective = _Objective(variant, model, int(labels.max()) + 1, training.attention_dim)
    # apart, or a head behind the stop-gradient would yet touch the trunk, by way of the norm that is clipped
    parts = [*model.parameters(), *objective.classifier.parameters()], objective.of_heads()
    optimiser = torch.optim.SGD([*parts[0], *parts[1]], training.learning_rate, momentum=0.9)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.0, 1.0 - step / training.steps))
    losses: list[float] = []
    sparsity = (0.0, 0.0)
    model.train()
    for windows, of in _batches(images, labels, seed, training):
        inner, last = model.backbone.stages(windows)
        of_descriptor, loss = objective(model.aggregation(last.flatten(2).transpose(1, 2)), inner, of)
        descend(loss, len(losses), optimiser, schedule, clipped=parts, largest_norm=LARGEST_GRADIENT)
        losses.append(of_descriptor.item())
        sparsity = float((inner == 0).float().mean()), float((last == 0).float().mean())
        progress(len(losses), training.steps)
    tenth = max(1, len(losses) // 10)
    ends = float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))
    heads: dict[str, Any] = dict(objective.heads.eval().items())
    return TrainedVariant(model.eval(), heads, *ends, sparsity)


class _Objective(nn.Module):
    """Classifiers, heads, and the losses of both."""

    def __init__(self, variant: Variant, model: PlaceModel, classes: int, attention_dim: int) -> None:
        super().__init__()
        self.arcface = variant.arcface
        dim, inner_dim = model.descriptor_dim, int(model.backbone.inner_dim)
        self.classifier: Any = ArcFace(dim, classes) if variant.arcface else nn.Linear(dim, classes)
        self.weights = {name: weight for name, (_, weight) in variant.heads.items()}
        self.heads = nn.ModuleDict(
            {
                name: DelgHead(inner_dim, channels, attention_dim, variant.stop_gradient)
                for name, (channels, _) in variant.heads.items()
            }
        )
        self.readers = nn.ModuleDict({name: nn.Linear(inner_dim, classes) for name in variant.heads})

    def of_heads(self) -> list[nn.Parameter]:
        """What only local features need."""
        return [*self.heads.parameters(), *self.readers.parameters()]

    def forward(self, descriptors: Tensor, inner: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D), (B, inner_dim, rows, columns) and (B,) classes -> loss of the descriptor, sum of all losses."""
        scores = self.classifier.logits(descriptors, labels) if self.arcface else self.classifier(descriptors)
        of_descriptor = total = functional.cross_entropy(scores, labels)
        for name, weight in self.weights.items():
            head: Any = self.heads[name]
            lessons = head.lessons(inner)
            of_attention = functional.cross_entropy(self.readers[name](lessons.attended), labels)
            total = total + weight * lessons.reconstruction + of_attention
        return of_descriptor, total


class PcaHead(nn.Module):
    """The attention of a trained head, with a PCA of the unit inner features in place of its autoencoder (DELF).

    Args:
        head: whose attention chooses.
        features: (N, inner_dim) unit features to fit on.
    """

    def __init__(self, head: DelgHead, features: Tensor) -> None:
        super().__init__()
        self.head = head
        self.dim = head.dim
        self.threshold = head.threshold
        self.receptive_field_px, self.padding_px = head.receptive_field_px, head.padding_px
        self.mean = features.mean(dim=0)
        self.directions = torch.linalg.svd(features - self.mean, full_matrices=False)[2][: self.dim]

    def forward(self, inner: Tensor) -> LocalMaps:
        """(B, inner_dim, rows, columns) -> the head's scores, and descriptors by PCA."""
        unit = functional.normalize(inner, dim=1).permute(0, 2, 3, 1) - self.mean
        reduced = (unit @ self.directions.T).permute(0, 3, 1, 2)
        return LocalMaps(self.head(inner).scores, functional.normalize(reduced, dim=1))


@torch.no_grad()
def inner_features(model: PlaceModel, images: Sequence[ImageArray]) -> Tensor:
    """Unit features of the inner map of some images, (N, inner_dim)."""
    maps = model.backbone.stages(_tensor(np.stack(images)))[0]
    return functional.normalize(maps.flatten(2).transpose(1, 2).flatten(0, 1), dim=1)


def _model(variant: Variant, start: Mapping[str, Tensor]) -> PlaceModel:
    model = build_model(
        {
            "name": "delg_miniature",
            "backbone": {"name": "nano_stages"},
            "aggregation": {"name": "whitened_gem", "p": variant.p},
            "local_head": {"name": "delg"},  # each head that was trained takes its place
            "preprocessing": {"height_px": 96, "width_px": 128, "mean": [0.0] * 3, "std": [1.0] * 3},
        }
    )
    model.backbone.load_state_dict({key: start[key] for key in model.backbone.state_dict()})
    return model


def _batches(images: ImageArray, labels: IndexArray, seed: int, training: MiniatureTraining) -> Any:
    """Yield *steps* batches of windows (B, 3, h, w) in 0..1 and their classes."""
    sampler = ShuffledSampler(len(images), training.batch_images, seed)
    size = training.width_px, training.height_px
    step = 0
    while True:
        for draws in sampler:
            if step == training.steps:
                return
            step += 1
            windows = [
                cv2.resize(
                    WINDOW.cut(images[d.index], np.random.default_rng(d.seed)), size, interpolation=cv2.INTER_AREA
                )
                for d in draws
            ]
            yield _tensor(np.stack(windows)), torch.from_numpy(labels[[d.index for d in draws]])
        sampler.set_epoch(sampler.epoch + 1)


def _tensor(images: ImageArray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255.0
