# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Backbones by their timm names, and VGG16 cut where NetVLAD cuts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import timm
import torchvision
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.models.cnn import VGG16_DIM, CnnBackbone
from vpr_ros.models.position_table import PositionResampling
from vpr_ros.models.vit import TimmTokens, VitBackbone

TOKEN_FAMILIES = ("vision_transformer", "deit", "eva", "beit")
"""timm modules whose networks give (B, tokens, D)."""


def timm_backbone(
    name: str,
    pretrained: bool = False,
    pos_embed: PositionResampling | None = None,
    stage: str | None = None,
    blocks: int | None = None,
    timm_options: Mapping[str, Any] | None = None,
    inner_block: int | None = None,
) -> nn.Module:
    """Build any timm network as a source of tokens.

    Args:
        name: timm's name.
        pretrained: fetch the published weights.
        pos_embed: how a ViT's positions are resampled; None is "official" for DINOv2 without registers, else "timm".
        stage: named stage of a CNN, e.g. "layer3"; None is the last.
        blocks: keep only the first so many blocks of a ViT.
        timm_options: passed to ``timm.create_model``.
        inner_block: of a ViT, where local features come from; see ``VitBackbone``.

    Raises:
        ConfigError: an unknown name, stage or option, or one that does not belong to this kind of network.
        ModelError: the weights cannot be had.
    """
    if not timm.is_model(name):
        raise ConfigError(f"unknown backbone {name!r}", "Give a registered name or a model name of timm.list_models()")
    options = dict(timm_options or {})
    if timm.models.is_model_in_modules(name, TOKEN_FAMILIES):
        if stage is not None:
            raise ConfigError(f"stage={stage!r} of the transformer {name}", "Only convolutional networks have stages")
        return _transformer(name, pretrained, pos_embed, (blocks, inner_block), options)
    if pos_embed is not None or blocks is not None or inner_block is not None:
        raise ConfigError(
            f"pos_embed, blocks or inner_block of {name}", "Only vision transformers know them; use stage"
        )
    return _feature_map(name, pretrained, stage, options)


def dinov2(timm_name: str) -> Callable[..., nn.Module]:
    """Return the builder of a DINOv2 backbone."""

    def build(
        pretrained: bool = False,
        pos_embed: PositionResampling = "official",
        blocks: int | None = None,
        timm_options: Mapping[str, Any] | None = None,
        inner_block: int | None = None,
    ) -> nn.Module:
        return timm_backbone(timm_name, pretrained, pos_embed, None, blocks, timm_options, inner_block)

    return build


def vgg16(pretrained: bool = False) -> nn.Module:
    """VGG16 at conv5_3 before its ReLU (docs/methods.md 4.1, 2.1), under torchvision's names."""
    vgg = torchvision.models.vgg
    if pretrained:
        features = fetched("vgg16", lambda: vgg.vgg16(weights=vgg.VGG16_Weights.IMAGENET1K_V1).features)
    else:
        features = vgg.make_layers(vgg.cfgs["D"], batch_norm=False)
    return CnnBackbone(features[:-2], VGG16_DIM)


def _transformer(
    name: str,
    pretrained: bool,
    pos_embed: PositionResampling | None,
    blocks: tuple[int | None, int | None],
    options: dict[str, Any],
) -> nn.Module:
    net = _created(name, pretrained, {"num_classes": 0, "dynamic_img_size": True, **options})
    if type(net) is VisionTransformer:
        official = "dinov2" in name and net.reg_token is None
        return VitBackbone(net, pos_embed or ("official" if official else "timm"), *blocks)
    if pos_embed == "official" or blocks != (None, None):
        raise ConfigError(f"pos_embed, blocks or inner_block of {name}", "Only plain vision transformers know them")
    return TimmTokens(net)


def _feature_map(name: str, pretrained: bool, stage: str | None, options: dict[str, Any]) -> nn.Module:
    net = _created(name, pretrained, {"features_only": True, **options})
    stages = net.feature_info.module_name()
    if stage is not None:
        if stage not in stages:
            raise ConfigError(f"{name} has no stage {stage!r}", f"Its stages are {', '.join(stages)}")
        net = _created(name, pretrained, {"features_only": True, "out_indices": (stages.index(stage),), **options})
    channels_last = str(getattr(net, "output_fmt", "NCHW")).endswith("NHWC")
    return CnnBackbone(net, net.feature_info.channels()[-1], channels_last)


def _created(name: str, pretrained: bool, options: dict[str, Any]) -> Any:
    def create() -> Any:
        return timm.create_model(name, pretrained=pretrained, **options)

    if pretrained:
        return fetched(name, create)
    try:
        return create()
    except (TypeError, RuntimeError, AssertionError, KeyError) as error:
        raise ConfigError(f"timm cannot build {name} with {options}: {error}", "Correct timm_options") from error


def fetched(name: str, create: Callable[[], Any]) -> Any:
    """Run *create*, which may download: what the hub, a proxy or the disk raise there has no common type."""
    try:
        return create()
    except Exception as error:
        raise ModelError(
            f"the pretrained weights of {name} cannot be had ({type(error).__name__}: {error})",
            "Connect to the network once, set pretrained to false, or convert a file with `convert_checkpoint`",
        ) from error
