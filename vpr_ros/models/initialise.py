# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A usable assignment before any training: k-means over the user's own images (docs/methods.md 1.2, 2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.assignment import cluster_centres, cosine_assignment, distance_assignment
from vpr_ros.models.eval_mode import eval_mode
from vpr_ros.models.netvlad import NetVLAD
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.models.supervlad import SuperVLAD


@dataclass(frozen=True)
class InitialisationReport:
    """What the start values were made from.

    Attributes:
        layers: how many assignments were set.
        descriptors: local descriptors they were clustered from.
        alpha: sharpness of the (last) assignment.
    """

    layers: int
    descriptors: int
    alpha: float


def initialise_assignment(
    model: PlaceModel, images: Iterable[Tensor], locations_per_image: int = 100, seed: int = 1234
) -> InitialisationReport:
    """Set the assignment of every SuperVLAD and NetVLAD in the model's aggregation from its own backbone's tokens.

    Args:
        model: with a backbone that already means something; it is run in eval mode and left in the mode it was in.
        images: batches (B, 3, H, W), preprocessed. The papers use 500 (NetVLAD) to 5000 images (SuperVLAD).
        locations_per_image: random tokens taken of each image.
        seed: of the choice of tokens and of k-means.

    Raises:
        TrainingError: an aggregation without clusters, no images, or too few of them.
    """
    layers = [layer for layer in model.aggregation.modules() if isinstance(layer, SuperVLAD | NetVLAD)]
    if not layers:
        raise TrainingError(
            f"aggregation {model.config.aggregation.name!r} has no assignment to initialise", "Leave the step out"
        )
    descriptors = local_descriptors(model, images, locations_per_image, seed)
    alphas = [set_assignment(layer, descriptors, seed) for layer in layers]
    return InitialisationReport(len(layers), len(descriptors), alphas[-1])


@torch.no_grad()
def local_descriptors(
    model: PlaceModel, images: Iterable[Tensor], locations_per_image: int, seed: int
) -> npt.NDArray[np.float32]:
    """Unit-length tokens (n, D) of random locations.

    Raises:
        TrainingError: no images.
    """
    generator = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    rows = []
    with eval_mode(model):
        for batch in images:
            for tokens in model.tokens(batch.to(device)):
                chosen = torch.randperm(len(tokens), generator=generator)[:locations_per_image].to(device)
                rows.append(functional.normalize(tokens[chosen].float(), dim=1).cpu().numpy())
    if not rows:
        raise TrainingError("no images to initialise the assignment from", "Give a folder with images of the place")
    return np.concatenate(rows)


@torch.no_grad()
def set_assignment(layer: SuperVLAD | NetVLAD, descriptors: npt.NDArray[np.float32], seed: int) -> float:
    """Set one layer's assignment from unit-length descriptors (n, D), and give its sharpness alpha."""
    centres = cluster_centres(descriptors, layer.conv.out_channels, seed)
    rule = cosine_assignment if layer.conv.bias is None else distance_assignment
    assignment = rule(centres, descriptors)
    layer.conv.weight.copy_(torch.from_numpy(assignment.weight).reshape(layer.conv.weight.shape))
    if layer.conv.bias is not None and assignment.bias is not None:
        layer.conv.bias.copy_(torch.from_numpy(assignment.bias))
    if isinstance(layer, NetVLAD):
        layer.centroids.copy_(torch.from_numpy(centres))
    return assignment.alpha
