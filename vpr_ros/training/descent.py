# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One step of an optimiser down a loss, as every training loop of ours that is not Lightning's takes it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from vpr_ros.core.errors import TrainingError


def descend(
    loss: torch.Tensor,
    step: int,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    *,
    clipped: Iterable[Iterable[nn.Parameter]] = (),
    largest_norm: float = 1.0,
) -> None:
    """Take step number *step*; the gradient of each part of *clipped* is cut to *largest_norm* before.

    Raises:
        TrainingError: the loss is no number any longer.
    """
    if not torch.isfinite(loss):
        raise TrainingError(f"the loss became {loss.item()} at step {step}", "Lower the learning rate")
    optimiser.zero_grad()
    loss.backward()
    for part in clipped:
        nn.utils.clip_grad_norm_(part, largest_norm)
    optimiser.step()
    schedule.step()
