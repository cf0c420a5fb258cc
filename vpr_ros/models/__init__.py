# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Torch models: backbones, aggregations, and the place models made of them."""

from vpr_ros.models.build import build_model
from vpr_ros.models.class_token import ClassToken, MeanToken
from vpr_ros.models.config import AggregationConfig, BackboneConfig, CrossImageConfig, ModelConfig
from vpr_ros.models.cross_image import CrossImageEncoder
from vpr_ros.models.gem import GeM
from vpr_ros.models.netvlad import NetVLAD
from vpr_ros.models.patch_normalised import PatchNormalised, PatchNormalisedConfig
from vpr_ros.models.pca_whitening import PcaWhitening
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.models.supervlad import SuperVLAD

__all__ = [
    "AggregationConfig",
    "BackboneConfig",
    "ClassToken",
    "CrossImageConfig",
    "CrossImageEncoder",
    "GeM",
    "MeanToken",
    "ModelConfig",
    "NetVLAD",
    "PatchNormalised",
    "PatchNormalisedConfig",
    "PcaWhitening",
    "PlaceModel",
    "SuperVLAD",
    "build_model",
]
