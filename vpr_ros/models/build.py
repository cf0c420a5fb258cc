# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From a config to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from vpr_ros.models.backbone import HasPyramid
from vpr_ros.models.config import ModelConfig
from vpr_ros.models.cross_image import CrossImageEncoder
from vpr_ros.models.patch_normalised import PatchNormalised
from vpr_ros.models.pca_whitening import PcaWhitening
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.models.registry import build_aggregation, build_backbone, build_local_head


def build_model(config: ModelConfig | Mapping[str, Any]) -> PlaceModel:
    """Build a model with random weights, or with published ones where the config asks for them.

    Args:
        config: a ``ModelConfig``, or a mapping as in a recipe's ``model`` section, for example
            ``{"backbone": {"name": "dinov2_b"}, "aggregation": {"name": "supervlad", "clusters": 4}}``.

    Raises:
        ConfigError: an unknown key, name or option.
        ModelError: pretrained weights that cannot be had.
    """
    if not isinstance(config, ModelConfig):
        config = ModelConfig.from_mapping(config)
    backbone: Any = build_backbone(config.backbone.name, config.backbone.pretrained, config.backbone.options)
    size = config.preprocessing
    aggregation: Any = build_aggregation(
        config.aggregation.name,
        backbone.dim,
        lambda: backbone.grid(size.height_px, size.width_px),
        config.aggregation.options,
        backbone.pyramid_dims if isinstance(backbone, HasPyramid) else None,
    )
    cross_image = None
    if config.cross_image is not None:
        cross_image = CrossImageEncoder(backbone.dim, **asdict(config.cross_image))
    whitening = None
    if config.whitening_dim is not None:
        whitening = PcaWhitening(aggregation.out_dim, config.whitening_dim)
    patch_normalised = None if config.patch_normalised is None else PatchNormalised(config.patch_normalised)
    local = config.local_head
    local_head = None if local is None else build_local_head(local.name, backbone, local.options)
    return PlaceModel(config, backbone, aggregation, cross_image, whitening, patch_normalised, local_head)
