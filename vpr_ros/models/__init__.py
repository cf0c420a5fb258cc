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
