# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Start values of the layout part of ``LayoutVLAD``: the principal directions of local features."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.layout import LayoutVLAD
from vpr_ros.models.place_model import PlaceModel


@torch.no_grad()
def fit_layout(model: PlaceModel, images: Iterable[Tensor], share: float) -> None:
    """Set the reduction to the leading principal components of unit local features, and how much layout counts.

    Args:
        model: with a ``LayoutVLAD`` over a trained backbone.
        images: batches (B, 3, H, W), preprocessed.
        share: of the layout in the squared length of a descriptor, in (0, 1).

    Raises:
        TrainingError: another aggregation, or a share outside (0, 1).
    """
    layer = model.aggregation
    if not isinstance(layer, LayoutVLAD) or not 0.0 < share < 1.0:
        raise TrainingError(
            f"aggregation {type(layer).__name__} with a layout share of {share}",
            "Use layout_vlad and a share between 0 and 1",
        )
    model.eval()
    dim = layer.reduce.in_features
    second, total = torch.zeros(dim, dim, dtype=torch.float64), 0
    for batch in images:
        tokens = functional.normalize(model.tokens(batch), dim=2)
        # What an image has everywhere is no layout: the layer subtracts it, so the basis must not be spent on it.
        rest = (tokens - tokens.mean(dim=1, keepdim=True)).flatten(0, 1).double()
        second += rest.T @ rest
        total += len(rest)
    directions = torch.linalg.eigh(second / total).eigenvectors.flip(1)[:, : layer.reduce.out_features]
    layer.reduce.weight.copy_(directions.T.float())
    layer.layout_share.fill_(math.log(share / (1.0 - share)))
