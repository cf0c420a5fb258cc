# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The assignment initialised from images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from vpr_ros.core.errors import TrainingError
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.assignment import cluster_centres, cosine_assignment
from vpr_ros.models.initialise import initialise_assignment

TINY_VIT = {"name": "dinov2_s", "timm_options": {"embed_dim": 32, "depth": 1, "num_heads": 2}}


def tiny(aggregation: dict[str, Any]) -> PlaceModel:
    torch.manual_seed(0)
    return build_model({"backbone": TINY_VIT, "aggregation": aggregation})


@pytest.fixture
def batches() -> list[torch.Tensor]:
    return [torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(i)) for i in range(3)]


def test_supervlad_gets_the_published_rule_over_all_its_tokens(batches: list[torch.Tensor]) -> None:
    model = tiny({"name": "supervlad", "clusters": 3, "ghost_clusters": 1})
    report = initialise_assignment(model, batches, locations_per_image=16)
    assert (report.layers, report.descriptors) == (1, 6 * 16)
    model.eval()
    with torch.no_grad():
        tokens = functional.normalize(torch.cat([model.tokens(b) for b in batches]).flatten(0, 1), dim=1)
        weights = model.aggregation.assign(tokens[None])[0]
    assert weights.argmax(dim=1).unique().tolist() == [0, 1, 2, 3]
    lengths = model.aggregation.conv.weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full((4,), report.alpha))
    best = weights.topk(2, dim=1).values
    assert float((best[:, 1] / best[:, 0]).log().mean().exp()) == pytest.approx(0.01, rel=1e-3)


def test_netvlad_with_bias_also_gets_its_centres(batches: list[torch.Tensor]) -> None:
    model = tiny({"name": "netvlad", "clusters": 3, "bias": True})
    report = initialise_assignment(model, batches)
    layer = model.aggregation
    torch.testing.assert_close(layer.conv.weight.flatten(1), 2 * report.alpha * layer.centroids)
    torch.testing.assert_close(layer.conv.bias, -report.alpha * layer.centroids.square().sum(dim=1))
    assert model.training


def test_the_same_images_and_seed_give_the_same_start(batches: list[torch.Tensor]) -> None:
    first, second = (tiny({"name": "supervlad", "clusters": 2}) for _ in range(2))
    initialise_assignment(first, batches, locations_per_image=5)
    initialise_assignment(second, batches, locations_per_image=5)
    assert torch.equal(first.aggregation.conv.weight, second.aggregation.conv.weight)


def test_one_cluster_without_ghosts_needs_no_sharpness() -> None:
    descriptors = torch.nn.functional.normalize(torch.randn(20, 4), dim=1).numpy()
    assert cosine_assignment(cluster_centres(descriptors, 1), descriptors).alpha == 1.0


def test_what_cannot_be_initialised_is_refused(batches: list[torch.Tensor]) -> None:
    with pytest.raises(TrainingError, match="no assignment"):
        initialise_assignment(tiny({"name": "gem"}), batches)
    with pytest.raises(TrainingError, match="no images"):
        initialise_assignment(tiny({"name": "supervlad"}), [])
