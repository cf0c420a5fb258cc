# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The multi-similarity loss and miner against the library version the papers used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vpr_ros.training.multi_similarity import MultiSimilarity

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "ms_loss_miner.npz"


@pytest.mark.parametrize("case", ["a", "b", "easy"])
def test_pairs_loss_and_gradient_are_the_golden_ones(case: str) -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    descriptors = torch.from_numpy(golden[f"emb_{case}"]).requires_grad_()
    labels = torch.from_numpy(golden[f"labels_{case}"])
    objective = MultiSimilarity()

    pairs = objective.mine(descriptors, labels)
    assert pairs is not None
    mined = [
        set(zip(anchor.tolist(), other.tolist(), strict=True))
        for anchor, other in ((pairs.positive_anchor, pairs.positive), (pairs.negative_anchor, pairs.negative))
    ]
    expected = [
        set(zip(golden[f"{a}_{case}"].tolist(), golden[f"{b}_{case}"].tolist(), strict=True))
        for a, b in (("a1", "p"), ("a2", "n"))
    ]
    assert mined == expected

    loss = objective(descriptors, labels, pairs)
    loss.backward()
    np.testing.assert_allclose(loss.item(), golden[f"loss_{case}"], atol=2e-6)
    assert descriptors.grad is not None
    np.testing.assert_allclose(descriptors.grad.numpy(), golden[f"grad_{case}"], atol=2e-6)


@pytest.mark.parametrize("case", ["a", "b", "easy"])
def test_without_the_miner_every_pair_counts(case: str) -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    loss = MultiSimilarity(epsilon=None)(
        torch.from_numpy(golden[f"emb_{case}"]), torch.from_numpy(golden[f"labels_{case}"])
    )
    np.testing.assert_allclose(loss.item(), golden[f"loss_nominer_{case}"], atol=2e-6)


def test_half_precision_descriptors_do_not_overflow() -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    descriptors = torch.from_numpy(golden["emb_b"])
    labels = torch.from_numpy(golden["labels_b"])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = MultiSimilarity()(descriptors.to(torch.float16), labels)
    assert loss.dtype == torch.float32
    np.testing.assert_allclose(loss.item(), golden["loss_b"], atol=1e-2)
