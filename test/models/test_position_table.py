# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Position tables at other sizes, both ways."""

from __future__ import annotations

import pytest
import torch
from golden import close, golden

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.position_table import PositionResampling, resample_position_table


@pytest.mark.parametrize("how", ["official", "timm"])
@pytest.mark.parametrize("grid", [(16, 16), (23, 23), (16, 23), (27, 36)])
def test_resampled_tables_are_the_golden_ones(grid: tuple[int, int], how: PositionResampling) -> None:
    reference = golden("posembed_interp")
    found = resample_position_table(reference["pos_embed"], (37, 37), grid, 1, how)
    close(found, reference[f"{how}_{grid[0]}x{grid[1]}"])


def test_the_learned_size_is_left_alone() -> None:
    table = torch.randn(1, 10, 4)
    assert resample_position_table(table, (3, 3), (3, 3), 1, "official") is table


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="official, timm"):
        resample_position_table(torch.zeros(1, 10, 4), (3, 3), (4, 4), 1, "nearest")  # type: ignore[arg-type]
