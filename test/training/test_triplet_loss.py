# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The triplet ranking loss against the reference of the paper's formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vpr_ros.training.triplet_loss import triplet_ranking_loss

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "triplet_losses.npz"


def test_loss_and_gradient_are_the_golden_ones() -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    features = torch.from_numpy(golden["feats"]).requires_grad_()
    loss = triplet_ranking_loss(features[:1], features[1:2], features[None, 2:])
    torch.autograd.backward(loss.total)
    assert loss.violating[0].tolist() == golden["violating"].tolist()
    np.testing.assert_allclose(loss.total.item(), golden["loss_paper_sum"], atol=1e-6)
    assert features.grad is not None
    np.testing.assert_allclose(features.grad.numpy(), golden["grad_paper"], atol=2e-6)


def test_the_step_is_divided_by_the_violating_triplets_of_the_whole_batch() -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    features = torch.from_numpy(golden["feats"])
    easy = features[0]  # a tuple whose negatives are far: contributes nothing, and is not counted
    query = torch.stack([features[0], easy])
    positive = torch.stack([features[1], easy])
    negatives = torch.stack([features[2:], -easy.expand(10, -1)]).requires_grad_()
    loss = triplet_ranking_loss(query, positive, negatives)
    count = int(golden["violating"].sum())
    assert int(loss.violating.sum()) == count == 2
    torch.autograd.backward(loss.normalised)
    assert negatives.grad is not None
    np.testing.assert_allclose(negatives.grad[0].numpy(), golden["grad_paper"][2:] / count, atol=2e-6)
    assert negatives.grad[1].abs().max() == 0


def test_padding_is_not_a_negative() -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    features = torch.from_numpy(golden["feats"])
    valid = torch.ones(1, 10, dtype=torch.bool)
    valid[0, int(np.flatnonzero(golden["violating"])[0])] = False
    loss = triplet_ranking_loss(features[:1], features[1:2], features[None, 2:], valid=valid)
    assert int(loss.violating.sum()) == 1
    assert loss.total.item() < golden["loss_paper_sum"]


def test_nothing_violating_is_zero_not_nan() -> None:
    unit = torch.eye(3)
    loss = triplet_ranking_loss(unit[:1], unit[:1], -unit[None, :1])
    assert loss.normalised.item() == pytest.approx(0.0)
