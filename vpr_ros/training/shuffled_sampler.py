# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Batches of images in random order, for classification."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.place_sampler import Draw


class ShuffledSampler(Sampler[Sequence[Draw]]):
    """Yields this process's share of each batch; what does not fill a batch sits out this epoch.

    The order is a function of (seed, epoch) alone, so a run goes on exactly where it stopped.

    Args:
        count: images there are.
        batch: images over all processes together.
        seed: of the run.
        rank, world_size: process r of W takes the r-th W-th of each batch.

    Raises:
        TrainingError: fewer images than a batch, or a batch that W processes cannot share evenly.
    """

    def __init__(self, count: int, batch: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> None:
        if not 0 < batch <= count or batch % world_size:
            raise TrainingError(
                f"batches of {batch} of {count} images over {world_size} processes",
                "Give batch_images that divides by the processes and is at most the number of images",
            )
        self.count = count
        self.batch = batch
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.first_batch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning calls it before each epoch."""
        if epoch != self.epoch:
            self.first_batch = 0
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches per epoch, whatever batch the epoch starts with."""
        return self.count // self.batch

    def __iter__(self) -> Iterator[Sequence[Draw]]:
        """Yield the batches of the current epoch from ``first_batch`` on."""
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.count)
        share = self.batch // self.world_size
        for number in range(self.first_batch, len(self)):
            seeds = np.random.default_rng([self.seed, self.epoch, number]).integers(2**62, size=self.batch)
            mine = np.s_[self.rank * share : (self.rank + 1) * share]
            images = order[number * self.batch : (number + 1) * self.batch][mine]
            yield [Draw(int(image), int(seed)) for image, seed in zip(images, seeds[mine], strict=True)]
