# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What DELG minimises (docs/methods.md 7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.models.delg_head import LocalLessons
from vpr_ros.training.arcface import ArcFace


@dataclass(frozen=True)
class DelgLossConfig:
    """Numbers of the three losses.

    Attributes:
        margin_rad, gamma, learn_gamma: see ``ArcFace``.
        reconstruction_weight: lambda.
        attention_weight: beta.
    """

    margin_rad: float = 0.1
    gamma: float | None = None
    learn_gamma: bool = True
    reconstruction_weight: float = 10.0
    attention_weight: float = 1.0


class DelgLosses(NamedTuple):
    """Scalars; ``total`` is the weighted sum of the others."""

    total: Tensor
    descriptor: Tensor
    reconstruction: Tensor
    attention: Tensor


class DelgObjective(nn.Module):
    """ArcFace of the global descriptor, reconstruction of the inner map, and a classifier of what is attended to.

    Args:
        descriptor_dim: of the global descriptor.
        inner_dim: channels of the inner map.
        classes: C.
        config: see ``DelgLossConfig``.
    """

    def __init__(self, descriptor_dim: int, inner_dim: int, classes: int, config: DelgLossConfig | None = None) -> None:
        super().__init__()
        self.config = config or DelgLossConfig()
        self.descriptor = ArcFace(
            descriptor_dim, classes, self.config.margin_rad, self.config.gamma, self.config.learn_gamma
        )
        self.attention = nn.Linear(inner_dim, classes)

    def forward(self, descriptors: Tensor, lessons: LocalLessons, labels: Tensor) -> DelgLosses:
        """(B, D) descriptors, what the local head says and (B,) int64 class indices -> losses."""
        of_descriptor = self.descriptor(descriptors, labels)
        with torch.autocast(descriptors.device.type, enabled=False):
            of_attention = functional.cross_entropy(self.attention(lessons.attended.float()), labels)
            total = (
                of_descriptor
                + self.config.reconstruction_weight * lessons.reconstruction.float()
                + self.config.attention_weight * of_attention
            )
        return DelgLosses(total, of_descriptor, lessons.reconstruction, of_attention)
