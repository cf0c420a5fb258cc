# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which names a model's config may use, and what they build. A new part is one line in one of the two mappings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.backbone import HasInnerMap, HasStages
from vpr_ros.models.cct import Cct, CctShape
from vpr_ros.models.class_token import ClassToken, MeanToken
from vpr_ros.models.delg_head import DelgHead
from vpr_ros.models.delg_resnet import DelgResNet
from vpr_ros.models.gem import GeM, WhitenedGeM
from vpr_ros.models.keypoint_head import KeypointHead
from vpr_ros.models.layout import LayoutVLAD
from vpr_ros.models.mobilenet_stages import MobileNetStages
from vpr_ros.models.nano import NanoBackbone
from vpr_ros.models.nano_stages import NanoStages
from vpr_ros.models.netvlad import NetVLAD
from vpr_ros.models.stage_gem import StageGeM
from vpr_ros.models.supervlad import SuperVLAD
from vpr_ros.models.timm_backbone import dinov2, timm_backbone, vgg16

BackboneBuilder = Callable[..., nn.Module]
"""(pretrained=..., **options) -> an nn.Module that follows ``Backbone``."""

AggregationBuilder = Callable[..., nn.Module]
"""(dim=..., [grid=...,] **options) -> an nn.Module with ``out_dim``; ``grid``, and ``dims`` of a pyramid in place of
``dim``, are passed where they are asked for."""


def _cct(pretrained: bool = False, blocks: int | None = None, **shape: Any) -> nn.Module:
    if pretrained:
        raise ConfigError(
            "no weights are published under the name cct14_7x2_384 where this software could fetch them",
            "Set pretrained to false and load a checkpoint made by `convert_checkpoint`",
        )
    if "image_px" in shape:
        shape["image_px"] = tuple(shape["image_px"])
    return Cct(CctShape(**checked_options(CctShape, shape, "backbone cct14_7x2_384", also={"blocks"})), blocks)


BACKBONES: Mapping[str, BackboneBuilder] = {
    "dinov2_s": dinov2("vit_small_patch14_dinov2.lvd142m"),
    "dinov2_b": dinov2("vit_base_patch14_dinov2.lvd142m"),
    "dinov2_l": dinov2("vit_large_patch14_dinov2.lvd142m"),
    "vgg16": vgg16,
    "cct14_7x2_384": _cct,
    "nano": NanoBackbone,
    "nano_stages": NanoStages,
    "delg_resnet": DelgResNet,
    "mobilenet_stages": MobileNetStages,
}

AGGREGATIONS: Mapping[str, AggregationBuilder] = {
    "supervlad": SuperVLAD,
    "layout_vlad": LayoutVLAD,
    "netvlad": NetVLAD,
    "gem": GeM,
    "whitened_gem": WhitenedGeM,
    "stage_gem": StageGeM,
    "class_token": ClassToken,
    "mean": MeanToken,
}

LOCAL_HEADS: Mapping[str, Callable[..., nn.Module]] = {"delg": DelgHead, "keypoints": KeypointHead}
"""(inner_dim=..., [described=...,] **options) -> an nn.Module over a trunk's stages, or over an inner map."""


def build_backbone(name: str, pretrained: bool, options: Mapping[str, Any]) -> nn.Module:
    """Build a backbone by its registered name, or by the name of a timm model.

    Raises:
        ConfigError: an unknown name or option, or pretrained weights of a backbone that has none.
    """
    builder = BACKBONES.get(name)
    if builder is None:
        return timm_backbone(name, pretrained=pretrained, **checked_options(timm_backbone, options, f"backbone {name}"))
    checked = checked_options(builder, options, f"backbone {name}")
    if "pretrained" in inspect.signature(builder).parameters:
        return builder(pretrained=pretrained, **checked)
    if pretrained:
        raise ConfigError(f"backbone {name} has no published weights", "Set pretrained to false")
    return builder(**checked)


def build_aggregation(
    name: str,
    dim: int,
    grid: Callable[[], tuple[int, int]],
    options: Mapping[str, Any],
    pyramid_dims: tuple[int, ...] | None = None,
) -> nn.Module:
    """Build an aggregation over tokens of *dim* channels; *grid* tells (rows, columns) to those that ask.

    Args:
        name: a registered one.
        dim, grid: of the backbone's tokens.
        options: of the aggregation.
        pyramid_dims: channels of the backbone's maps, where it has a pyramid.

    Raises:
        ConfigError: an unknown name or option, or an aggregation of a pyramid over a backbone without one.
    """
    builder = AGGREGATIONS.get(name)
    if builder is None:
        raise ConfigError(f"unknown aggregation {name!r}", f"Known ones are {', '.join(sorted(AGGREGATIONS))}")
    given: dict[str, Any] = {"dim": dim}
    if builder is StageGeM:
        if pyramid_dims is None:
            raise ConfigError(
                f"aggregation {name!r} over a backbone without a pyramid of feature maps",
                "Choose the backbone mobilenet_stages, or the aggregation gem",
            )
        given = {"dims": pyramid_dims}
    if "grid" in inspect.signature(builder).parameters:
        given["grid"] = grid()
    return builder(**given, **checked_options(builder, options, f"aggregation {name}", reserved=set(given)))


def build_local_head(name: str, backbone: nn.Module, options: Mapping[str, Any]) -> nn.Module:
    """Build a local head on the inner map of *backbone*.

    Raises:
        ConfigError: an unknown name or option, or a backbone without an inner map.
    """
    builder = LOCAL_HEADS.get(name)
    if builder is None:
        raise ConfigError(f"unknown local head {name!r}", f"Known ones are {', '.join(sorted(LOCAL_HEADS))}")
    if builder is KeypointHead:
        if not isinstance(backbone, HasInnerMap):
            raise ConfigError(
                f"keypoints over a {type(backbone).__name__}, which has no inner feature map",
                "Choose the backbone nano or a vision transformer",
            )
        given: dict[str, Any] = {"inner_dim": backbone.inner_dim, "described": backbone.inner_is_described}
    elif isinstance(backbone, HasStages):
        given = {"inner_dim": backbone.inner_dim}
    else:
        raise ConfigError(
            f"a local head over a {type(backbone).__name__}, which has no inner feature map",
            "Choose the backbone delg_resnet or nano_stages",
        )
    return builder(**given, **checked_options(builder, options, f"local head {name}", reserved=set(given)))


def checked_options(
    builder: Callable[..., Any],
    options: Mapping[str, Any],
    where: str,
    reserved: set[str] | None = None,
    also: set[str] | None = None,
) -> dict[str, Any]:
    """Return *options* if *builder* takes them all.

    Raises:
        ConfigError: an option it does not know, with those it does.
    """
    parameters = inspect.signature(builder).parameters.values()
    known = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - (reserved or set()) - {"pretrained", "name"}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    unknown = sorted(set(options) - known)
    if unknown and not open_ended:
        listed = ", ".join(sorted(known | (also or set()))) or "none"
        raise ConfigError(f"unknown options of {where}: {', '.join(unknown)}", f"Known options are: {listed}")
    return dict(options)
