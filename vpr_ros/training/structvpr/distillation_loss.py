# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Sample-weighted distillation of descriptors (docs/methods.md 9.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.training.gather import process_group_size, sum_over_processes


def distillation_loss(student: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """``sum_i w_i sum_v |s_iv - t_iv|^2 / sum_i w_i`` over the pairs of all processes; 0 where none counts.

    Args:
        student, teacher: (T, V, D) unit descriptors of the V views of each pair; the teacher's carry no gradient.
        weights: (T,) not negative.
    """
    # differences of nearly equal numbers: never in reduced precision
    with torch.autocast(student.device.type, enabled=False):
        distance_sq = (student.float() - teacher.detach().float()).square().flatten(1).sum(dim=1)
        total = sum_over_processes(weights.sum())
        # DDP averages gradients over processes: the sum over all of them needs their number as factor
        share = process_group_size()[1] * (weights * distance_sq).sum()
        return share / torch.where(total > 0, total, 1.0)


class Bridge(nn.Module):
    """The student's descriptor in the teacher's space; it trains beside the student and is never exported.

    Args:
        student_dim, teacher_dim: where they are equal the descriptors are compared as they are.
    """

    def __init__(self, student_dim: int, teacher_dim: int) -> None:
        super().__init__()
        self.linear = None if student_dim == teacher_dim else nn.Linear(student_dim, teacher_dim, bias=False)

    def forward(self, descriptors: Tensor) -> Tensor:
        """(B, student_dim) -> (B, teacher_dim), rows of unit length."""
        if self.linear is None:
            return descriptors
        return functional.normalize(self.linear(descriptors), dim=1)
