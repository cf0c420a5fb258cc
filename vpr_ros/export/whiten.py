# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""PCA whitening of a trained model's descriptors: how NetVLAD's 32 768 numbers become 4096 (docs/methods.md 2.3)."""

from __future__ import annotations

from dataclasses import replace

import torch

from vpr_ros.core.errors import ExportError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.images import ImageFolder
from vpr_ros.models.pca_whitening import PcaWhitening
from vpr_ros.models.place_model import PlaceModel

MOST_IMAGES = 10_000
"""As many as the authors fit on."""
BATCH = 8


@torch.no_grad()
def whitened(
    model: PlaceModel, images: ImageFolder, dim: int, preprocessing: Preprocessing | None = None
) -> PlaceModel:
    """Put a whitening to *dim* numbers, fitted on the learned descriptors of *images*, behind a model.

    Args:
        model: without a whitening; its parts are shared with the result.
        images: of the places the model was trained for, more of them than *dim*; best those of the training map.
        dim: of the new learned descriptors; a patch-normalised picture beside them stays as it is.
        preprocessing: other than the one in the model's config.

    Raises:
        ExportError: the model is whitened already, or an image does not decode.
        TrainingError: too few images.
    """
    if model.whitening is not None:
        raise ExportError(
            f"the model is whitened to {model.whitening.out_dim} numbers already", "Whiten the model it was made from"
        )
    model.eval()
    preprocessing = preprocessing or model.config.preprocessing
    batches = (torch.from_numpy(preprocessing.batch(batch)) for batch in images.batches(BATCH))
    described = torch.cat([model.learned(batch) for batch in batches])
    whitening = PcaWhitening(described.shape[1], dim)
    whitening.fit(described.numpy())
    config = replace(model.config, whitening_dim=dim)
    parts = model.backbone, model.aggregation, model.cross_image, whitening, model.patch_normalised
    return PlaceModel(config, *parts).eval()
