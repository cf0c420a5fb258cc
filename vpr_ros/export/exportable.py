# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What can be exported: a module that maps images to unit vectors, and its description."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from vpr_ros.core.errors import ExportError
from vpr_ros.core.local_info import LocalInfo
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.with_keypoints import WithKeypoints, local_info_of
from vpr_ros.models.backbone import HasPositionTable
from vpr_ros.models.checkpoint import Recipe
from vpr_ros.models.info import info_of
from vpr_ros.models.place_model import PlaceModel


@dataclass(frozen=True, eq=False)
class Exportable:
    """A network ready to be exported.

    Attributes:
        module: (B, 3, H, W) -> (B, D) of unit length, in eval mode.
        info: of the fp32 export.
        keypoints: what it finds local features with, in the same run; None without.
        local_info: of these features.
        images_at_once: how many the exported network takes at once; None for any number.
    """

    module: nn.Module
    info: ModelInfo
    keypoints: WithKeypoints | None = None
    local_info: LocalInfo | None = None
    images_at_once: int | None = None


def exportable_place_model(
    model: PlaceModel, recipe: Recipe, preprocessing: Preprocessing | None = None, version: str = "1"
) -> Exportable:
    """Prepare one of our models.

    Args:
        model: is put into eval mode, and its position table fixed for the input size.
        recipe: that trained it.
        preprocessing: other than the one in the model's config.
        version: for people.

    Raises:
        ExportError: the model's descriptors depend on their batch.
        ModelError: a size the backbone cannot take.
    """
    if model.cross_image is not None and model.cross_image.mode != "single":
        raise ExportError(
            "the cross-image encoder is in batch mode: a descriptor would depend on the images beside it",
            "Use the checkpoint without encoder, or set its mode to single: a robot has one image at a time",
        )
    preprocessing = preprocessing or model.config.preprocessing
    model.eval()
    model.backbone.grid(preprocessing.height_px, preprocessing.width_px)
    if isinstance(model.backbone, HasPositionTable):
        model.backbone.bake_positions(preprocessing.height_px, preprocessing.width_px)
    info = replace(info_of(model, preprocessing, version), recipe=recipe.name, recipe_sha256=recipe.sha256)
    local_info = local_info_of(model, preprocessing, version)
    return Exportable(model, info, None if local_info is None else WithKeypoints(model), local_info)


def renamed(exportable: Exportable, name: str) -> Exportable:
    """The same under another name; its local features too, which are of the same file."""
    local_info = None if exportable.local_info is None else replace(exportable.local_info, name=name)
    return replace(exportable, info=replace(exportable.info, name=name), local_info=local_info)


def with_precision(info: ModelInfo, precision: str) -> ModelInfo:
    """Return the description of the same model in another precision."""
    return replace(info, precision=precision)
