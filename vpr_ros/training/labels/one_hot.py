# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Group numbers to the input of a segmentation branch."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from vpr_ros.core.errors import TrainingError

OUTSIDE: Final = 255
"""Where an augmentation moved nothing into the picture: no group, all channels 0, as the image is black there."""


def weighted_one_hot(groups: Tensor, weights: tuple[float, ...]) -> Tensor:
    """One channel per group, which holds the group's weight where the group is and 0 elsewhere.

    Args:
        groups: (B, H, W) uint8 group numbers below G, or ``OUTSIDE``.
        weights: of the G groups.

    Returns:
        (B, G, H, W) float32 on the device of *groups*.

    Raises:
        TrainingError: a group number that has no weight.
    """
    own = torch.arange(len(weights), dtype=torch.uint8, device=groups.device).view(1, -1, 1, 1)
    values = torch.tensor(weights, dtype=torch.float32, device=groups.device).view(1, -1, 1, 1)
    wrong = groups[(groups >= len(weights)) & (groups != OUTSIDE)]
    if wrong.numel():
        raise TrainingError(
            f"a label map holds group {int(wrong[0])}, there are {len(weights)} groups",
            "Give the weights of the grouping that made the maps",
        )
    return (groups[:, None] == own) * values
