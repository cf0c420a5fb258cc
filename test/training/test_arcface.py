# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""ArcFace against the authors' TensorFlow functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vpr_ros.training.arcface import ArcFace

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "delg_arcface.npz"


def test_logits_loss_and_gradients_are_the_golden_ones() -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    objective = ArcFace(32, 10, margin_rad=float(golden["margin"]), gamma=float(golden["gamma"]))
    with torch.no_grad():
        objective.weight.copy_(torch.from_numpy(golden["cosine_weights"].T.copy()))
    descriptors = torch.from_numpy(golden["prelogits"].reshape(6, 32)).requires_grad_()
    labels = torch.from_numpy(golden["labels"]).long()

    np.testing.assert_allclose(objective.logits(descriptors).detach(), golden["logits_eval"], atol=5e-5)
    train = objective.logits(descriptors, labels).detach().numpy()
    np.testing.assert_allclose(train, golden["logits_train"], atol=5e-5)
    # sample 1 lies beyond pi - margin: its logit must not move
    assert train[1, labels[1]] == np.float32(objective.logits(descriptors).detach().numpy()[1, labels[1]])

    loss = objective(descriptors, labels)
    loss.backward()
    np.testing.assert_allclose(loss.item(), golden["loss"], atol=5e-5)
    assert descriptors.grad is not None
    assert objective.weight.grad is not None
    assert objective.gamma.grad is not None
    np.testing.assert_allclose(descriptors.grad.numpy(), golden["grad_prelogits"].reshape(6, 32), atol=5e-5)
    np.testing.assert_allclose(objective.weight.grad.numpy().T, golden["grad_weights"], atol=5e-5)
    np.testing.assert_allclose(objective.gamma.grad.item(), golden["grad_gamma"], atol=5e-5)


def test_gamma_starts_at_the_root_of_the_dimension_and_can_be_fixed() -> None:
    assert ArcFace(2048, 3).gamma.item() == np.float32(np.sqrt(2048))
    assert not ArcFace(16, 3, learn_gamma=False).gamma.requires_grad
