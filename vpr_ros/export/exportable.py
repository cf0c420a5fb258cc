# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What can be exported: a module that maps images to unit vectors, and its description."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

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
    """

    module: nn.Module
    info: ModelInfo
    keypoints: WithKeypoints | None = None
    local_info: LocalInfo | None = None


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


class HubModel(nn.Module):
    """Any network that maps an image to a vector; the vector is normalised here.

    Args:
        net: (B, 3, H, W) -> (B, D), or a tuple whose first entry is that.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D), L2-normalised."""
        result: Any = self.net(images)
        vector: Tensor = result[0] if isinstance(result, tuple | list) else result
        return functional.normalize(vector, dim=1)


def exportable_hub_model(repository: str, entry: str, preprocessing: Preprocessing, trust: bool = False) -> Exportable:
    """Load a ``torch.hub`` model and check that it maps an image to a vector.

    Args:
        repository: "owner/name[:ref]", or a local folder with a hubconf.py.
        entry: name of the entry point, with default arguments.
        preprocessing: what the network expects; a hub model does not say.
        trust: run the code of a repository that was not used before; a local folder is always trusted.

    Raises:
        ExportError: it cannot be loaded, or gives something else than one vector per image.
    """
    net = _load_hub(repository, entry, trust)
    module = HubModel(net).eval()
    try:
        with torch.no_grad():
            vector = module(torch.zeros(1, 3, preprocessing.height_px, preprocessing.width_px))
    except Exception as error:  # foreign code
        raise ExportError(
            f"{entry} of {repository} fails on {preprocessing.height_px}x{preprocessing.width_px} images ({error})",
            "Give the input size it expects with --size HEIGHTxWIDTH",
        ) from error
    if vector.ndim != 2:
        raise ExportError(
            f"{entry} of {repository} gives a tensor of shape {tuple(vector.shape)}, expected (B, D)",
            "Choose an entry point that maps an image to one vector",
        )
    info = ModelInfo(
        name=entry,
        version="1",
        preprocessing=preprocessing,
        descriptor_dim=int(vector.shape[1]),
        aggregation={"name": "torch_hub"},
        recipe=f"torch.hub {repository} {entry}",
    )
    return Exportable(module, info)


def with_precision(info: ModelInfo, precision: str) -> ModelInfo:
    """Return the description of the same model in another precision."""
    return replace(info, precision=precision)


def _load_hub(repository: str, entry: str, trust: bool) -> nn.Module:
    local = "/" not in repository.strip("./") or repository.startswith((".", "/", "~"))
    try:
        if local:
            net: Any = torch.hub.load(repository, entry, source="local")
        else:
            net = torch.hub.load(repository, entry, source="github", trust_repo=trust or "check")
    except Exception as error:  # foreign code and the network
        raise ExportError(
            f"torch.hub cannot load {entry} from {repository} ({type(error).__name__}: {error})",
            "Check the names and the network, or give a local folder with a hubconf.py",
        ) from error
    if not isinstance(net, nn.Module):
        raise ExportError(
            f"{entry} of {repository} is a {type(net).__name__}, expected a torch module", "Choose another"
        )
    return net
