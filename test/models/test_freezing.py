# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Freezing by name, counted against the published lists."""

from __future__ import annotations

import pytest
import torch
from golden import layout

from vpr_ros.core.errors import ConfigError
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.freezing import freeze, keep_statistics


def trainable(model: PlaceModel) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("name", "config", "count"),
    [
        ("SuperVLAD_dino_k4g1", {}, 28_361_472),
        ("SuperVLAD_dino_k4g1_crossimage", {"cross_image": {}}, 39_389_440),
    ],
)
def test_the_papers_policy_trains_exactly_the_published_parameters(
    name: str, config: dict[str, dict[str, str]], count: int
) -> None:
    with torch.device("meta"):
        model = build_model(config)
    assert freeze(model, "blocks>=8") == count
    published = {
        key.replace("backbone.", "backbone.net.").replace("encoder.layers", "cross_image.encoder.layers")
        for key, (_, trains) in layout(name).items()
        if trains == "True"
    }
    assert trainable(model) == published


def test_vgg16_trains_conv5() -> None:
    with torch.device("meta"):
        model = build_model({"backbone": {"name": "vgg16"}, "aggregation": {"name": "netvlad"}})
    freeze(model, "conv5")
    expected = {
        f"backbone.net.{k}" for k, (_, trains) in layout("vgg16_conv5_3").items() if k[0].isdigit() and trains == "True"
    }
    assert trainable(model) == expected | {"aggregation.conv.weight", "aggregation.centroids"}


def test_cct_trains_blocks_after_the_number_and_resnet_from_a_layer_on() -> None:
    with torch.device("meta"):
        cct = build_model({"backbone": {"name": "cct14_7x2_384", "blocks": 8}})
        resnet = build_model({"backbone": {"name": "resnet18"}})
    freeze(cct, "blocks>1")
    assert {n.split(".")[3] for n in trainable(cct) if n.startswith("backbone")} == {"2", "3", "4", "5", "6", "7"}
    freeze(resnet, "layer>=3")
    assert {n.split(".")[2] for n in trainable(resnet) if n.startswith("backbone")} == {"layer3", "layer4"}


def test_plain_policies_and_a_fixed_exponent() -> None:
    with torch.device("meta"):
        model = build_model({"backbone": {"name": "resnet18"}, "aggregation": {"name": "gem", "learn_p": False}})
    assert freeze(model, "all") == 0
    assert freeze(model, "backbone") == 0
    assert freeze(model, "none") == sum(p.numel() for p in model.backbone.parameters())


@pytest.mark.parametrize("policy", ["blocks>=2", "blocks=2", "conv5", "layer>=9", "half"])
def test_policies_that_do_not_fit_are_refused(policy: str) -> None:
    with torch.device("meta"):
        model = build_model({"backbone": {"name": "resnet18"}})
    with pytest.raises(ConfigError, match="freezing policy"):
        freeze(model, policy)


def test_batch_norms_that_do_not_train_keep_their_statistics() -> None:
    model = build_model(
        {
            "backbone": {"name": "resnet18", "stage": "layer3"},
            "aggregation": {"name": "gem"},
            "preprocessing": {"height_px": 64, "width_px": 64},
        }
    )
    freeze(model, "layer>=3")
    statistics = {name: value.clone() for name, value in model.state_dict().items() if "running" in name}

    def moved() -> set[str]:
        model(torch.rand(4, 3, 64, 64))
        now = model.state_dict()
        return {name.split(".")[2] for name, value in statistics.items() if not torch.equal(now[name], value)}

    keep_statistics(model.train())
    assert moved() == {"layer3"}
    model.load_state_dict(statistics, strict=False)
    keep_statistics(model.train(), everywhere=True)
    assert moved() == set()
    assert model.backbone.training
