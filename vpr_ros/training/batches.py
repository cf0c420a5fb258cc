# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Batches of images made by worker processes, and the loader that can start in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vpr_ros.core.errors import TrainingError, VprError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.training.image_sets import ImageList, ImageListChain, PlaceImages, TupleImages
from vpr_ros.training.place_sampler import Draw
from vpr_ros.training.transforms import TrainTransform
from vpr_ros.training.tuple_mining import NOTHING, MinedTuple

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class LoaderOptions:
    """How images are decoded.

    Attributes:
        workers: processes that decode and augment; 0 does it in the training process.
        prefetch: batches each worker prepares ahead.
        evaluation_batch: images per batch when descriptors are computed without training.
    """

    workers: int = 8
    prefetch: int = 2
    evaluation_batch: int = 32


@dataclass(frozen=True)
class Failure:
    """What went wrong in a worker: exceptions with two arguments do not survive the way to the training process."""

    problem: str
    remedy: str


class EpochSampler(Protocol):
    """Yields what makes up each batch, as a function of the epoch."""

    epoch: int
    first_batch: int

    def set_epoch(self, epoch: int) -> None:
        """Choose the order."""

    def __len__(self) -> int:
        """Batches per epoch."""

    def __iter__(self) -> Iterator[Any]:
        """Yield from ``first_batch`` on."""


class PlaceBatches(Dataset[Any]):
    """Draws -> images (B, 3, H, W) and labels (B,) int64."""

    def __init__(self, places: PlaceImages, transform: TrainTransform) -> None:
        self._places = places
        self._transform = transform

    def __getitem__(self, draws: Sequence[Draw]) -> tuple[Tensor, Tensor] | Failure:
        """Decode and augment one batch."""

        def make() -> tuple[Tensor, Tensor]:
            images = [self._transform(self._places.images.load(d.index), d.seed) for d in draws]
            labels = self._places.place_ids[[d.index for d in draws]]
            return torch.stack(images), torch.from_numpy(labels)

        return or_failure(make)


class TupleBatches(Dataset[Any]):
    """Tuples -> images (B, 3, H, W) and the rows of each tuple (T, 2 + M), query first, positive second, -1 = none."""

    def __init__(self, images: TupleImages, transform: TrainTransform, negatives: int) -> None:
        self._images = images
        self._transform = transform
        self._negatives = negatives

    def __getitem__(self, batch: tuple[Sequence[MinedTuple], int]) -> tuple[Tensor, Tensor] | Failure:
        """Decode and augment one batch; the second entry of *batch* is its seed."""
        tuples, seed = batch

        def make() -> tuple[Tensor, Tensor]:
            rows = torch.full((len(tuples), 2 + self._negatives), NOTHING, dtype=torch.int64)
            loads: list[tuple[ImageList, int]] = []
            for row, mined in zip(rows, tuples, strict=True):
                count = 2 + len(mined.negatives)
                row[:count] = torch.arange(len(loads), len(loads) + count)
                loads.append((self._images.queries, mined.query))
                loads += [(self._images.database, index) for index in (mined.positive, *mined.negatives)]
            seeds = image_seeds(seed, len(loads))
            images = [self._transform(source.load(i), s) for (source, i), s in zip(loads, seeds, strict=True)]
            return torch.stack(images), rows

        return or_failure(make)


class DescribedImages(Dataset[Any]):
    """Indices -> preprocessed images (B, 3, H, W) and these indices: how every set is described without training."""

    def __init__(self, lists: Sequence[ImageList], preprocessing: Preprocessing) -> None:
        self._images = ImageListChain(lists)
        self._preprocessing = preprocessing

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor] | Failure:
        """Decode one batch; image numbers run through all lists."""

        def make() -> tuple[Tensor, Tensor]:
            images = self._preprocessing.batch([self._images.load(i) for i in indices])
            return torch.from_numpy(images), torch.tensor(indices, dtype=torch.int64)

        return or_failure(make)


class ShareSampler:
    """Splits N images over W processes in batches of equal number; the last few images may come twice."""

    def __init__(self, count: int, batch: int, rank: int = 0, world_size: int = 1) -> None:
        share = -(-count // world_size)
        mine = (np.arange(share) * world_size + rank) % count
        self._batches = [mine[start : start + batch].tolist() for start in range(0, share, batch)]
        self.epoch = 0
        self.first_batch = 0

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the order never changes."""

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches)


class BatchLoader(DataLoader[Any]):
    """A loader whose place in the epoch travels in the checkpoint.

    Lightning stores and restores the state of any loader that has one; the sampler does the rest, because its order
    depends on seed and epoch alone.
    """

    def __init__(self, dataset: Dataset[Any], sampler: EpochSampler, options: LoaderOptions, pin: bool = False) -> None:
        super().__init__(
            dataset,
            batch_size=None,  # the sampler yields whole batches
            sampler=sampler,
            num_workers=options.workers,
            prefetch_factor=options.prefetch if options.workers else None,
            persistent_workers=options.workers > 0,
            pin_memory=pin,
            generator=torch.Generator(),  # never draws from the generator of the model's dropout
        )
        self.epoch_sampler = sampler
        self._delivered = 0

    def __len__(self) -> int:
        return len(self.epoch_sampler)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # a generator serves where torch has a class
        """Yield batches.

        Raises:
            TrainingError: a worker met an error; its message is the worker's.
        """
        self._delivered = self.epoch_sampler.first_batch
        for batch in super().__iter__():
            if isinstance(batch, Failure):
                raise TrainingError(batch.problem, batch.remedy)
            self._delivered += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Return the epoch and how many of its batches were delivered."""
        return {"epoch": self.epoch_sampler.epoch, "delivered": self._delivered}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the batches that were delivered."""
        self.epoch_sampler.set_epoch(state["epoch"])
        self.epoch_sampler.first_batch = state["delivered"]


def image_seeds(batch_seed: int, images: int) -> list[int]:
    """The seed of each image's augmentation in a batch of tuples."""
    seeds: list[int] = np.random.default_rng(batch_seed).integers(2**62, size=images).tolist()
    return seeds


def or_failure(make: Callable[[], Batch]) -> Batch | Failure:
    """What *make* returns, or the error of ours that it met, in a form that leaves a worker process."""
    try:
        return make()
    except VprError as error:
        return Failure(error.problem, error.remedy)
