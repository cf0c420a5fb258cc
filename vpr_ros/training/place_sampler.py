# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Class-balanced batches of P places with K images each, from one city at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from vpr_ros.core.errors import TrainingError

IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """One image of a batch.

    Attributes:
        index: of the image in its data set.
        seed: for its augmentation; fixes the result whatever worker process carries it out.
    """

    index: int
    seed: int


@dataclass(frozen=True)
class BatchShape:
    """How a batch is made.

    Attributes:
        places: P, places per batch over all processes together.
        images_per_place: K.
    """

    places: int
    images_per_place: int


class PlaceBatchSampler(Sampler[Sequence[Draw]]):
    """Yields this process's share of each batch of P x K images.

    The order is a function of (seed, epoch) alone, so a run goes on exactly where it stopped. Every batch is drawn
    from one group (a city, a drive): negatives of the same city are the hard ones. Places that do not fill a batch
    sit out this epoch, other ones the next; a group smaller than a batch gives one smaller batch.

    Args:
        place_ids: (N,) int64 place of each image.
        groups: (N,) int64 group of each image, the same for all images of a place.
        shape: P and K.
        seed: of the run.
        rank, world_size: process r of W takes the r-th W-th of the places of each batch.

    Raises:
        TrainingError: a place with fewer than K images, or no group with two places per process.
    """

    def __init__(
        self,
        place_ids: IndexArray,
        groups: IndexArray,
        shape: BatchShape,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.shape = shape
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.first_batch = 0
        self._images_of_place, self._places_of_group = _tables(place_ids, groups, shape.images_per_place)
        self._batch_places = {
            group: min(shape.places, len(places)) // world_size * world_size
            for group, places in enumerate(self._places_of_group)
        }
        if not any(size >= 2 for size in self._batch_places.values()):
            raise TrainingError(
                f"no group holds {max(2, world_size)} places with {shape.images_per_place} images "
                f"({len(self._images_of_place)} places in {len(self._places_of_group)} groups)",
                "A batch needs places to tell apart: add data or lower images_per_place",
            )

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning calls it before each epoch."""
        if epoch != self.epoch:
            self.first_batch = 0
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches per epoch, whatever batch the epoch starts with."""
        return sum(
            len(places) // self._batch_places[group]
            for group, places in enumerate(self._places_of_group)
            if self._batch_places[group] >= 2
        )

    def __iter__(self) -> Iterator[Sequence[Draw]]:
        """Yield the batches of the current epoch from ``first_batch`` on."""
        batches = self._batches_of_epoch()
        for number in range(self.first_batch, len(batches)):
            yield self._draws(batches[number], number)

    def _batches_of_epoch(self) -> list[IndexArray]:
        rng = np.random.default_rng([self.seed, self.epoch])
        batches = []
        for group, places in enumerate(self._places_of_group):
            size = self._batch_places[group]
            if size < 2:
                continue
            order = rng.permutation(places)
            batches += [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _draws(self, places: IndexArray, number: int) -> list[Draw]:
        rng = np.random.default_rng([self.seed, self.epoch, number])
        per_place = self.shape.images_per_place
        draws = []
        # every process draws the whole batch: its share then does not depend on how many processes there are
        for place in places:
            images = rng.choice(self._images_of_place[place], per_place, replace=False)
            seeds = rng.integers(2**62, size=per_place)
            draws += [Draw(int(i), int(s)) for i, s in zip(images, seeds, strict=True)]
        share = len(draws) // self.world_size
        return draws[self.rank * share : (self.rank + 1) * share]


def _tables(
    place_ids: IndexArray, groups: IndexArray, images_per_place: int
) -> tuple[list[IndexArray], list[IndexArray]]:
    """Return the images of each place and the places of each group, both by running number."""
    order = np.argsort(place_ids, kind="stable")
    names, starts = np.unique(place_ids[order], return_index=True)
    images = np.split(order, starts[1:]) if len(names) else []
    sizes = np.array([len(i) for i in images], dtype=np.int64)
    if (sizes < images_per_place).any():
        worst = int(np.argmin(sizes))
        raise TrainingError(
            f"place {names[worst]} has {sizes[worst]} images, the recipe draws {images_per_place} of each "
            f"({int((sizes < images_per_place).sum())} of {len(sizes)} places are too small)",
            "Set min_images_per_place of the data set to images_per_place, or lower images_per_place",
        )
    group_of_place = np.array([groups[i[0]] for i in images], dtype=np.int64)
    return images, [np.flatnonzero(group_of_place == g) for g in np.unique(group_of_place)]
