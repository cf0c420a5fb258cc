# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Descriptors of many images: the one way validation, mining and comparison compute them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as nnf

from vpr_ros.core.errors import ModelError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models import PlaceModel
from vpr_ros.models.eval_mode import eval_mode
from vpr_ros.training.batches import BatchLoader, DescribedImages, LoaderOptions, ShareSampler
from vpr_ros.training.gather import gather_constant, process_group_size
from vpr_ros.training.image_sets import ImageList

DescriptorArray = npt.NDArray[np.float32]


@contextmanager
def evaluating(model: PlaceModel) -> Iterator[None]:
    """Run a block with the model as a robot runs it: eval mode, no gradient, each image as if alone."""
    encoder = model.cross_image
    mode = None if encoder is None else encoder.mode
    if encoder is not None:
        encoder.mode = "single"
    try:
        with eval_mode(model), torch.no_grad():
            yield
    finally:
        if encoder is not None and mode is not None:
            encoder.mode = mode


def describe_images(
    model: PlaceModel,
    images: ImageList,
    preprocessing: Preprocessing,
    options: LoaderOptions,
    progress: Callable[[int, int], None] | None = None,
) -> DescriptorArray:
    """Return (N, D) float32 descriptors of unit length; several processes share the work.

    Raises:
        TrainingError: an image does not decode.
        ModelError: the model answered with numbers that are not finite.
    """
    count = len(images)
    if not count:
        return np.empty((0, model.descriptor_dim), dtype=np.float32)
    sampler = ShareSampler(count, options.evaluation_batch, *process_group_size())
    loader = BatchLoader(DescribedImages([images], preprocessing), sampler, options)
    device = next(model.parameters()).device
    rows = torch.empty(count, model.descriptor_dim)
    done = 0
    with evaluating(model):
        for batch, indices in loader:
            described = gather_constant(model(batch.to(device)).float())
            everywhere = gather_constant(indices.to(device)).cpu()
            rows[everywhere] = described.cpu()
            done = min(count, done + len(everywhere))
            if progress is not None:
                progress(done, count)
    return finite_rows(rows)


def finite_rows(rows: Tensor) -> DescriptorArray:
    """Return the rows as unit vectors.

    Raises:
        ModelError: numbers that are not finite.
    """
    if not torch.isfinite(rows).all():
        raise ModelError(
            "the model answers with numbers that are not finite",
            "Go back to an earlier checkpoint, lower the learning rate or train in a wider precision (bf16-mixed, 32)",
        )
    return np.asarray(nnf.normalize(rows, dim=1).numpy(), dtype=np.float32)


def image_batches(images: ImageList, preprocessing: Preprocessing, options: LoaderOptions) -> Iterable[Tensor]:
    """Yield preprocessed batches (B, 3, H, W), for the k-means initialisation."""
    sampler = ShareSampler(len(images), options.evaluation_batch)
    for batch, _ in BatchLoader(DescribedImages([images], preprocessing), sampler, options):
        yield batch
