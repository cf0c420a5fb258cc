# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""VLAD beside the layout of the scene."""

from __future__ import annotations

import torch
from torch.nn import functional

from vpr_ros.models.layout import LayoutVLAD

GRID = (4, 6)


def layer(importance_power: float = 0.0, ghost_clusters: int | None = None) -> LayoutVLAD:
    torch.manual_seed(0)
    made = LayoutVLAD(8, 3, GRID, ghost_clusters, layout_grid=(2, 3), layout_dim=4, importance_power=importance_power)
    return made.eval()


def tokens(seed: int = 1) -> torch.Tensor:
    return torch.randn(2, GRID[0] * GRID[1], 8, generator=torch.Generator().manual_seed(seed))


def test_both_parts_make_one_unit_vector_by_their_shares() -> None:
    both = layer()
    torch.nn.init.constant_(both.layout_share, -2.0)
    described = both(tokens())
    assert described.shape == (2, 3 * 8 + 2 * 3 * 4)
    torch.testing.assert_close(described.norm(dim=1), torch.ones(2))
    share = described[:, 24:].square().sum(dim=1)
    torch.testing.assert_close(share, torch.sigmoid(torch.tensor(-2.0)).expand(2))


def test_only_the_layout_knows_where_a_feature_stood() -> None:
    shuffled = tokens()[:, torch.randperm(GRID[0] * GRID[1], generator=torch.Generator().manual_seed(3))]
    before, after = layer()(tokens()), layer()(shuffled)
    torch.testing.assert_close(before[:, :24], after[:, :24])
    assert (before[:, 24:] - after[:, 24:]).norm() > 0.5


def test_lengths_count_only_where_they_are_asked_to() -> None:
    unit = functional.normalize(tokens(), dim=2)
    lengths = torch.rand(2, unit.shape[1], 1, generator=torch.Generator().manual_seed(4)) + 0.1
    torch.testing.assert_close(layer()(unit * lengths), layer()(unit))
    for ghosts in (None, 1):
        weighed = layer(2.0, ghosts)
        assert (weighed(unit * lengths) - weighed(unit)).abs().max() > 1e-3
        torch.testing.assert_close(weighed(unit * 0.5), weighed(unit))


def test_a_token_without_length_is_not_there() -> None:
    weighed = layer(1.0)
    unit = functional.normalize(tokens(), dim=2)
    faint = unit.clone()
    faint[:, :5] *= 1e-6
    other = faint.clone()
    other[:, :5] = 1e-6 * functional.normalize(tokens(seed=9)[:, :5], dim=2)
    torch.testing.assert_close(weighed(faint)[:, :24], weighed(other)[:, :24], atol=1e-4, rtol=0)
