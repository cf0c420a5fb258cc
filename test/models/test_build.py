# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Configs, registered parts, and images of any shape through every kind of backbone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from golden import close, layout

from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.models import ModelConfig, build_model
from vpr_ros.models.timm_backbone import vgg16

TINY_VIT = {"name": "dinov2_s", "timm_options": {"embed_dim": 32, "depth": 2, "num_heads": 2}}
BACKBONES: list[tuple[dict[str, Any], tuple[int, int], tuple[int, int]]] = [
    (TINY_VIT, (56, 84), (4, 6)),
    ({"name": "vit_tiny_patch16_224", "timm_options": {"embed_dim": 32, "depth": 1, "num_heads": 2}}, (64, 96), (4, 6)),
    (
        {"name": "vit_small_patch14_reg4_dinov2", "timm_options": {"embed_dim": 32, "depth": 1, "num_heads": 2}},
        (28, 42),
        (2, 3),
    ),
    ({"name": "eva02_tiny_patch14_224", "timm_options": {"depth": 1}}, (56, 84), (4, 6)),
    ({"name": "resnet18", "stage": "layer3"}, (64, 96), (4, 6)),
    ({"name": "mobilenetv3_small_050"}, (64, 96), (2, 3)),
    (
        {"name": "swin_tiny_patch4_window7_224", "timm_options": {"depths": (1, 1, 1, 1), "img_size": (64, 96)}},
        (64, 96),
        (2, 3),
    ),
]


@pytest.mark.parametrize(
    ("backbone", "size", "grid"), BACKBONES, ids=lambda v: v["name"] if isinstance(v, dict) else ""
)
def test_non_square_images_give_a_unit_descriptor(
    backbone: dict[str, Any], size: tuple[int, int], grid: tuple[int, int]
) -> None:
    model = build_model({"backbone": backbone, "aggregation": {"name": "supervlad", "clusters": 3}}).eval()
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        tokens = model.tokens(images)
        descriptors = model(images)
    assert model.backbone.grid(*size) == grid
    assert tokens.shape == (2, grid[0] * grid[1], model.backbone.dim)
    assert descriptors.shape == (2, model.descriptor_dim) == (2, 3 * model.backbone.dim)
    close(descriptors.norm(dim=1), torch.ones(2))


def test_vgg16_ends_at_conv5_3_before_its_relu() -> None:
    with torch.device("meta"):
        backbone = vgg16()
    state = {key.removeprefix("net."): list(value.shape) for key, value in backbone.state_dict().items()}
    assert state == {key: shape for key, (shape, _) in layout("vgg16_conv5_3").items() if key[0].isdigit()}
    small = vgg16().eval()
    tokens = small(torch.randn(1, 3, 32, 48))
    assert tokens.shape == (1, 6, 512)
    assert (tokens < 0).any()


@pytest.mark.parametrize(
    ("aggregation", "dim"),
    [
        ({"name": "netvlad", "clusters": 2, "bias": True, "flatten": "dim"}, 64),
        ({"name": "gem", "p": 4.0, "normalize_tokens": True}, 32),
        ({"name": "class_token"}, 32),
        ({"name": "mean"}, 32),
    ],
)
def test_every_aggregation_builds(aggregation: dict[str, Any], dim: int) -> None:
    model = build_model({"backbone": TINY_VIT, "aggregation": aggregation}).eval()
    with torch.no_grad():
        descriptor = model(torch.randn(1, 3, 28, 28))
    assert descriptor.shape == (1, dim)
    close(descriptor.norm(dim=1), torch.ones(1))


def test_the_whole_chain_with_encoder_and_whitening() -> None:
    config = {
        "backbone": TINY_VIT,
        "aggregation": {"name": "supervlad", "clusters": 2},
        "cross_image": {"mode": "single", "heads": 4, "feedforward_dim": 16},
        "whitening_dim": 5,
    }
    model = build_model(config).eval()
    images = torch.randn(3, 3, 28, 28)
    with torch.no_grad():
        together = model(images)
        close(torch.cat([model(image[None]) for image in images]), together)
    assert together.shape == (3, 5)


def test_a_config_survives_its_own_mapping() -> None:
    config = ModelConfig.from_mapping(
        {
            "name": "m",
            "backbone": {"name": "resnet18", "stage": "layer3"},
            "aggregation": {"name": "netvlad", "clusters": 8},
            "cross_image": {"mode": "single"},
            "preprocessing": {"height_px": 120, "width_px": 160, "resize": "area"},
        }
    )
    assert dict(config.backbone.options) == {"stage": "layer3"}
    assert ModelConfig.from_mapping(config.to_mapping()) == config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"backbon": {}}, "unknown keys in model: backbon"),
        ({"cross_image": {"head": 2}}, "unknown keys in model.cross_image: head"),
        ({"preprocessing": {"height_px": 3}}, "lacks width_px"),
        ({"backbone": {"name": "resnet18", "stagee": "layer3"}}, "unknown options of backbone resnet18: stagee"),
        ({"backbone": {"name": "resnet18", "stage": "layer9"}}, "Its stages are"),
        ({"backbone": {"name": "resnet18", "blocks": 2}}, "Only vision transformers"),
        ({"backbone": {"name": "no_such_net"}}, "unknown backbone 'no_such_net'"),
        ({"backbone": {"name": "cct14_7x2_384", "pretrained": True}}, "convert_checkpoint"),
        ({"backbone": TINY_VIT, "aggregation": {"name": "vlad"}}, "Known ones are"),
        ({"backbone": TINY_VIT, "aggregation": {"name": "gem", "clusters": 4}}, "unknown options of aggregation gem"),
        ({"backbone": {"name": "resnet18"}, "aggregation": {"name": "class_token"}}, "no class token"),
        ({"backbone": "dinov2_b"}, "Expected a mapping"),
    ],
)
def test_wrong_configs_say_what_is_known(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model(config)


def test_sides_that_do_not_divide_into_patches_are_refused_with_a_near_size() -> None:
    model = build_model({"backbone": TINY_VIT})
    with pytest.raises(ModelError, match="56x70 is near"):
        model(torch.zeros(1, 3, 56, 75))


def test_weights_that_cannot_be_had_are_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="cannot be had"):
        build_model({"backbone": {"name": "vit_tiny_patch16_224", "pretrained": True}})
