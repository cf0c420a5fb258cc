# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The optimiser of a recipe: one, with a group of its own for the cross-image encoder (docs/methods.md 1.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models import PlaceModel

_OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


@dataclass(frozen=True)
class OptimiserConfig:
    """Optimiser and learning-rate schedule.

    Attributes:
        name: "adam", "adamw" or "sgd".
        lr: of backbone and aggregation.
        weight_decay: inside the optimiser.
        momentum: of "sgd".
        cross_image_lr: of the cross-image encoder, constant over the run; None treats it like the rest.
        decay_factor, decay_epochs: the learning rate is multiplied by the factor every so many epochs; 0 = never.
        warmup_steps: linear rise at the start.
        linear_steps: the learning rate falls linearly to zero over so many steps (DELG); 0 = never.
        fused: one kernel updates all weights; the same step, rounded otherwise.
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = 5e-5
    weight_decay: float = 0.0
    momentum: float = 0.9
    cross_image_lr: float | None = None
    decay_factor: float = 0.5
    decay_epochs: int = 3
    warmup_steps: int = 0
    linear_steps: int = 0
    fused: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out.

        Raises:
            ConfigError: an unknown name or a number out of range.
        """
        if self.name not in _OPTIMISERS or not self.lr > 0 or not 0 < self.decay_factor <= 1:
            raise ConfigError(
                f"optimiser {self.name!r} with lr {self.lr} and decay_factor {self.decay_factor}",
                f"Choose one of {', '.join(_OPTIMISERS)}, a positive lr and a factor above 0 up to 1",
            )

    def factor(self, step: int, steps_per_epoch: int) -> float:
        """Learning rate at optimiser step *step* relative to ``lr``."""
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        decays = step // (self.decay_epochs * max(1, steps_per_epoch)) if self.decay_epochs else 0
        left = max(0.0, 1.0 - step / self.linear_steps) if self.linear_steps else 1.0
        return float(warm * left * self.decay_factor**decays)


def build_optimiser(
    model: PlaceModel, config: OptimiserConfig, beside: nn.Module | None = None
) -> torch.optim.Optimizer:
    """Build the optimiser over everything that trains: the model, and what the loss brings *beside* it.

    Raises:
        TrainingError: nothing trains.
    """
    encoder = _trainable(model.cross_image) if model.cross_image is not None else []
    apart = {id(p) for p in encoder} if config.cross_image_lr is not None else set()
    main = [p for p in _trainable(model) if id(p) not in apart]
    if not main and not apart:
        raise TrainingError("the freezing policy leaves nothing to train", "Choose a policy other than 'all'")
    main += [] if beside is None else _trainable(beside)
    groups = [{"params": main, "lr": config.lr}]
    if apart:
        groups.append({"params": encoder, "lr": config.cross_image_lr})
    extra = {"momentum": config.momentum} if config.name == "sgd" else {}
    extra |= {"fused": True} if config.fused else {}
    return _OPTIMISERS[config.name](groups, lr=config.lr, weight_decay=config.weight_decay, **extra)


def build_schedule(optimiser: torch.optim.Optimizer, config: OptimiserConfig, steps_per_epoch: int) -> LambdaLR:
    """Build the schedule, to be stepped with every optimiser step; the encoder's own group stays constant."""
    rules = [lambda step: config.factor(step, steps_per_epoch), lambda step: 1.0]
    return LambdaLR(optimiser, rules[: len(optimiser.param_groups)])


def _trainable(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]
