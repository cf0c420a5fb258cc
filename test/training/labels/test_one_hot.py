# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import pytest
import torch

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.labels.one_hot import OUTSIDE, weighted_one_hot


def test_each_pixel_has_the_weight_of_its_group_in_the_channel_of_it() -> None:
    maps = weighted_one_hot(torch.tensor([[[0, 1], [1, OUTSIDE]]], dtype=torch.uint8), (0.5, 2.0))
    assert maps.dtype == torch.float32
    assert maps.tolist() == [[[[0.5, 0.0], [0.0, 0.0]], [[0.0, 2.0], [2.0, 0.0]]]]


def test_a_group_without_weight_is_refused() -> None:
    with pytest.raises(TrainingError, match="holds group 2, there are 2 groups"):
        weighted_one_hot(torch.full((1, 2, 2), 2, dtype=torch.uint8), (1.0, 1.0))
