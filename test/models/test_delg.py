# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DELG's trunk, global descriptor and local head against the authors' TensorFlow classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from golden import close, golden
from torch import Tensor
from torch.nn import functional

from vpr_ros.core.errors import ConfigError
from vpr_ros.models import ModelConfig, build_model
from vpr_ros.models.checkpoint import load_checkpoint, save_checkpoint
from vpr_ros.models.delg_head import DelgHead, LocalMaps, strongest
from vpr_ros.models.delg_resnet import DelgResNet
from vpr_ros.models.gem import WhitenedGeM, generalised_mean

TINY: dict[str, Any] = {
    "backbone": {"name": "nano_stages", "width": [4, 8, 12, 16]},
    "aggregation": {"name": "whitened_gem", "out_dim": 6},
    "local_head": {"name": "delg", "dim": 5, "attention_dim": 7},
}


def golden_head() -> tuple[DelgHead, dict[str, Tensor]]:
    reference = golden("delg_local_heads")
    head = DelgHead(64, dim=8, attention_dim=32)
    keras = {
        "reduce": "autoencoder.conv2d",
        "restore": "autoencoder.conv2d_1",
        "attend.0": "attention.attn_conv1",
        "attend.3": "attention.attn_conv2",
    }
    state = {f"{ours}.weight": reference[f"{theirs}.kernel"].permute(3, 2, 0, 1) for ours, theirs in keras.items()}
    state |= {f"{ours}.bias": reference[f"{theirs}.bias"] for ours, theirs in keras.items()}
    norm = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    state |= {f"attend.1.{ours}": reference[f"attention.bn_conv1.{theirs}"] for ours, theirs in norm.items()}
    head.load_state_dict({**head.state_dict(), **state})
    return head, reference


def channels_last(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1)


def test_local_head_is_the_golden_one() -> None:
    head, reference = golden_head()
    inner = reference["S"].permute(0, 3, 1, 2)
    with torch.no_grad():
        maps, lessons = head.eval()(inner), head.lessons(inner)
    close(channels_last(maps.descriptors), functional.normalize(reference["reduced"], dim=3), atol=1e-5)
    close(maps.scores, reference["attention_prob"].squeeze(3), atol=1e-5)
    close(lessons.attended, reference["attn_pooled"], atol=1e-5)
    close(lessons.reconstruction, reference["reconstruction_loss"], atol=1e-5)
    assert head.threshold == 0, "only training sets it"


def test_local_head_in_training_is_the_golden_one_and_remembers_the_median() -> None:
    head, reference = golden_head()
    lessons = head.train().lessons(reference["S"].permute(0, 3, 1, 2))
    close(lessons.scores, reference["attention_prob_trainBN"].squeeze(3), atol=1e-5)
    close(lessons.attended, reference["attn_pooled_trainBN"], atol=1e-5)
    assert head.threshold == lessons.scores.detach().median()
    moved = 0.99 * reference["attention.bn_conv1.moving_mean"]  # Keras's momentum of 0.99
    first = head.attend[0](reference["reconstructed"].permute(0, 3, 1, 2)).detach()
    close(head.state_dict()["attend.1.running_mean"], moved + 0.01 * first.mean(dim=(0, 2, 3)), atol=1e-5)


def test_global_descriptor_is_the_golden_one() -> None:
    reference = golden("delg_global")
    tokens = reference["D"].flatten(1, 2)
    layer = WhitenedGeM(48, 32)
    layer.load_state_dict({"whiten.weight": reference["whiten_W"].T, "whiten.bias": reference["whiten_b"]})
    close(generalised_mean(tokens, 3.0), reference["gem"])
    with torch.no_grad():
        close(layer(tokens), reference["prelogits"])
        close(functional.normalize(layer(tokens), dim=1), reference["descriptor"])


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_the_trunk_learns_from_the_local_head_only_where_asked(stop_gradient: bool) -> None:
    head = DelgHead(12, dim=4, attention_dim=6, stop_gradient=stop_gradient)
    inner = torch.rand(2, 12, 3, 4, requires_grad=True)
    lessons = head.lessons(inner)
    (lessons.reconstruction + lessons.attended.sum()).backward()
    assert (inner.grad is None) == stop_gradient


@pytest.mark.parametrize(
    ("depth", "options", "cells"),
    [(18, {}, (3, 4)), (18, {"subsample": False}, (6, 8)), (50, {"tensorflow": True}, (3, 4))],
)
def test_both_maps_of_the_trunk_have_one_size(depth: int, options: dict[str, bool], cells: tuple[int, int]) -> None:
    trunk = DelgResNet(depth, **options).eval()
    with torch.no_grad():
        inner, last = trunk.stages(torch.rand(1, 3, 96, 120))
    assert inner.shape == (1, trunk.inner_dim, *cells)
    assert last.shape == (1, trunk.dim, *cells) == (1, 2 * trunk.inner_dim, *trunk.grid(96, 120))
    assert inner.min() >= 0


def test_tensorflow_pads_behind() -> None:
    """ "same" at stride 2 of an even side adds two before and three behind; the pool that follows adds nothing."""
    trunk = DelgResNet(50, tensorflow=True)
    torch.nn.init.constant_(trunk.net.conv1.weight, 1.0)
    seen: list[Tensor] = []
    trunk.net.conv1.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    image = torch.zeros(1, 3, 64, 64)
    image[0, 0, 0, 0] = image[0, 0, 63, 63] = 1.0
    with torch.no_grad():
        trunk.eval().stages(image)
    rows = [row for row in range(32) if seen[0][0, 0, row].any()]
    assert rows == [0, 1, 30, 31]  # centred at 2 i + 1; symmetric padding would give 0, 1, 31 alone
    assert trunk.net.layer2[0].conv1.stride == (2, 2)
    assert trunk.net.bn1.eps == 1e-3


def test_a_model_with_a_local_head_survives_its_checkpoint(tmp_path: Path) -> None:
    model = build_model(TINY).eval()
    model.local_head.threshold.fill_(1.5)
    save_checkpoint(model, tmp_path / "delg.safetensors")
    again = load_checkpoint(tmp_path / "delg.safetensors")[0].eval()
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        descriptors, maps = again.with_local(images)
        close(descriptors, model(images), atol=1e-6)
        close(maps.scores, model.with_local(images)[1].scores, atol=1e-6)
    assert maps.descriptors.shape == (2, 5, 4, 6)
    assert again.local_head.threshold == 1.5
    assert again.config == ModelConfig.from_mapping(TINY)


def test_configs_without_a_local_head_are_as_they_were() -> None:
    assert "local_head" not in ModelConfig.from_mapping({"local_head": "None"}).to_mapping()
    with pytest.raises(ConfigError, match="no inner feature map"):
        build_model({**TINY, "backbone": {"name": "nano"}})
    with pytest.raises(ConfigError, match="unknown options of local head delg: width"):
        build_model({**TINY, "local_head": {"width": 3}})
    with pytest.raises(ConfigError, match="has no local head"):
        build_model({**TINY, "local_head": None}).with_local(torch.rand(1, 3, 32, 32))


def test_the_strongest_places_come_in_order_and_in_pixels() -> None:
    scores = torch.tensor([[[0.1, 0.9, 0.2], [0.5, 0.3, 0.4]]])
    descriptors = torch.arange(12.0).reshape(1, 2, 2, 3)
    keypoints, best, chosen = strongest(LocalMaps(scores, descriptors), 32, 2)
    assert keypoints.tolist() == [[[32.0, 0.0], [0.0, 32.0]]]
    assert best.tolist() == [[pytest.approx(0.9), 0.5]]
    assert chosen.tolist() == [[[1.0, 7.0], [3.0, 9.0]]]
