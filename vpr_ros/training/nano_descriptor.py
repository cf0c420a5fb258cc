# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From images to the descriptor of ``vpr_nano``: words, layout basis, whitening and mean picture, fitted on some.

Nothing here is trained by gradients: a few thousand images of a few buildings are enough to measure how descriptors
vary, and too few to learn a metric that holds in the next building (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms import v2

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.initialise import InitialisationReport, initialise_assignment
from vpr_ros.models.pca_whitening import PcaWhitening
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.training.appearance import AppearanceRange, change_appearance
from vpr_ros.training.layout_basis import fit_layout
from vpr_ros.training.nano_lessons import Progress

_BATCH = 32


@dataclass(frozen=True)
class DescriptorFit:
    """How the aggregation is fitted.

    Attributes:
        word_images: photographs that words and layout basis come from.
        sharpness: factor on the assignment's alpha, below 1 softer than docs/methods.md 1.2 sets it.
        layout_share: of the layout in the squared length of a descriptor, before whitening.
        whitening_strength: see ``pca_whitening``.
        seed: of the choice of images and of their random views.
    """

    word_images: int = 600
    sharpness: float = 1.0
    layout_share: float = 0.1
    whitening_strength: float = 0.5
    seed: int = 0


def fit_descriptor(
    model: PlaceModel,
    photographs: npt.NDArray[np.uint8],
    towns: npt.NDArray[np.uint8],
    fit: DescriptorFit,
    appearance: AppearanceRange,
    progress: Progress,
) -> InitialisationReport:
    """Fit words and layout on photographs, then whitening and mean picture on every image, here and from elsewhere.

    The whitening sees each image twice, once in another light and from another viewpoint, so that what only these
    change is scaled down as part of what images have in common.

    Args:
        model: with a trained backbone and a ``LayoutVLAD``, whitened.
        photographs, towns: (M, H, W, 3) and (T, H, W, 3) uint8; words of rendered towns would be words of one painter.
        fit, appearance, progress: see there.

    Raises:
        TrainingError: another kind of model, or too few images.
    """
    if model.whitening is None:
        raise TrainingError("the recipe's model has no whitening_dim", "Set model.whitening_dim")
    rng = np.random.default_rng(fit.seed)
    chosen = photographs[np.sort(rng.permutation(len(photographs))[: fit.word_images])]
    words = list(_batches(chosen))
    report = initialise_assignment(model, words, seed=fit.seed)
    with torch.no_grad():
        model.aggregation.vlad.conv.weight.mul_(fit.sharpness)
    fit_layout(model, words, share=fit.layout_share)
    views = _views(np.concatenate((photographs, towns)), fit.seed, appearance, progress)
    _fit_to_views(model, model.whitening, views, fit.whitening_strength)
    return report


@torch.no_grad()
def _fit_to_views(model: PlaceModel, whitening: PcaWhitening, views: Iterator[Tensor], strength: float) -> None:
    model.eval()
    described, pictures = [], []
    for seen in views:
        described.append(model.aggregation(model.tokens(seen)).numpy())
        if model.patch_normalised is not None:
            pictures.append(model.patch_normalised.pictures(seen))
    whitening.fit(np.concatenate(described), strength)
    if model.patch_normalised is not None:
        model.patch_normalised.fit(torch.cat(pictures))


def _views(
    images: npt.NDArray[np.uint8], seed: int, appearance: AppearanceRange, progress: Progress
) -> Iterator[Tensor]:
    """Batches of images as they are, each followed by the same in another light and from another viewpoint."""
    generator = torch.Generator().manual_seed(seed)
    viewpoint = v2.Compose(
        [
            v2.RandomPerspective(distortion_scale=0.2, p=1.0),
            v2.RandomRotation(6.0),
            v2.RandomResizedCrop(images.shape[1:3], scale=(0.5, 1.0), ratio=(1.2, 1.5), antialias=True),
        ]
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # torchvision draws from the global generator
        for number, batch in enumerate(_batches(images), start=1):
            moved = torch.stack([viewpoint(image) for image in batch])
            yield batch
            yield change_appearance(moved, appearance, generator)
            progress("images described", min(_BATCH * number, len(images)), len(images))


def _batches(images: npt.NDArray[np.uint8]) -> Iterator[Tensor]:
    for start in range(0, len(images), _BATCH):
        yield torch.from_numpy(images[start : start + _BATCH]).permute(0, 3, 1, 2).float() / 255.0
