# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Weakly supervised ranking on positions alone: NetVLAD's training with its mining (docs/methods.md 2.4 to 2.6).

A Lightning epoch is one mining interval: the descriptor cache is computed, tuples are mined, then trained on. The
recipe must set ``trainer.reload_dataloaders_every_n_epochs: 1``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.training.batches import BatchLoader, TupleBatches
from vpr_ros.training.data_module import Chosen, RecipeData
from vpr_ros.training.embedding import describe_images
from vpr_ros.training.gather import process_group_size, sum_over_processes
from vpr_ros.training.image_sets import ImageList, TupleData, TupleImages
from vpr_ros.training.recipe_module import RecipeModule
from vpr_ros.training.transforms import Augmentation
from vpr_ros.training.triplet_loss import triplet_ranking_loss
from vpr_ros.training.tuple_mining import NOTHING, MinedTuple, MiningConfig, TupleMiner
from vpr_ros.training.tuple_positions import TupleRule, positives_and_non_negatives


class TripletRanking(RecipeModule):
    """The triplet ranking loss; its sum is divided by the violating triplets of the whole batch.

    The learning rate falls by ``decay_factor`` of the optimiser every ``halve_every_passes`` of the data, together
    with the growth of the mining interval; ``decay_epochs`` and ``warmup_steps`` are not used here.

    Args:
        margin: in squared-distance units.
        recipe: see ``RecipeModule``.
    """

    def __init__(self, *, margin: float = 0.1, **recipe: Any) -> None:
        super().__init__(**recipe)
        if self.model.cross_image is not None:
            raise ConfigError(
                "tuples with a cross-image encoder: queries and negatives would change each other's descriptors",
                "Train the encoder by metric learning",
            )
        self.margin = margin

    def configure_optimizers(self) -> Any:
        """One optimiser; ``on_train_epoch_start`` sets its learning rate."""
        return super().configure_optimizers()["optimizer"]

    def on_train_epoch_start(self) -> None:
        """Set the learning rate of this interval."""
        factor = self.optimiser_config.decay_factor ** _tuple_data(self.data).decays
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.optimiser_config.lr * factor

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of one batch: images (B, 3, H, W) and the rows of each tuple (T, 2 + M)."""
        images, rows = batch
        return self.ranking_loss(self.descriptors(images), rows)

    def ranking_loss(self, descriptors: Tensor, rows: Tensor) -> Tensor:
        """Loss of one batch of tuples from its descriptors (B, D), and what is logged of it."""
        tuples = descriptors[rows.clamp(min=0)]
        valid = rows[:, 2:] != NOTHING
        loss = triplet_ranking_loss(tuples[:, 0], tuples[:, 1], tuples[:, 2:], self.margin, valid)
        violating = loss.violating.sum()
        # DDP averages gradients over processes: the sum over all of them needs their number as factor
        count = sum_over_processes(violating).clamp(min=1)
        step_loss = self.checked(loss.total * process_group_size()[1] / count)
        self.log("train/loss", step_loss, prog_bar=True, batch_size=len(rows))
        self.log("train/violating", violating.float() / valid.sum().clamp(min=1), batch_size=len(rows))
        return step_loss


class TupleSampler:
    """This process's share of the mined tuples, in batches with their seeds."""

    def __init__(
        self, tuples: Sequence[MinedTuple], queries_per_batch: int, seed: Sequence[int], rank: int, world_size: int
    ) -> None:
        self.epoch = 0
        self.first_batch = 0
        self._seed = tuple(seed)
        size = queries_per_batch * world_size
        whole = [tuples[start : start + size] for start in range(0, len(tuples), size)]
        # all processes must step equally often: of an incomplete last batch, what does not divide stays behind
        cut = [batch[: len(batch) // world_size * world_size] for batch in whole]
        self._batches = [batch[rank::world_size] for batch in cut if batch]
        self._rank = rank

    def set_epoch(self, epoch: int) -> None:
        """Remember the epoch; the tuples are this epoch's already."""
        if epoch != self.epoch:
            self.first_batch = 0
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[Sequence[MinedTuple], int]]:
        for number in range(self.first_batch, len(self._batches)):
            key = np.random.SeedSequence([*self._seed, number, self._rank])
            yield self._batches[number], int(key.generate_state(1)[0])


class TupleDataModule(RecipeData):
    """Mines tuples with the model as it is, interval by interval.

    Args:
        train: queries and database with positions.
        rule: which database images may be positives and negatives.
        mining: see ``MiningConfig``.
        queries_per_batch: tuples per batch and process.
        halve_every_passes: passes over all queries after which the learning rate is halved; 0 = never.
        augmentation: of training images; none by default.
        recipe: see ``RecipeData``.
    """

    def __init__(
        self,
        *,
        train: TupleData,
        rule: TupleRule | None = None,
        mining: MiningConfig | None = None,
        queries_per_batch: int = 4,
        halve_every_passes: int = 5,
        augmentation: Augmentation | None = None,
        **recipe: Any,
    ) -> None:
        super().__init__(augmentation=augmentation or Augmentation(operations=0), **recipe)
        self.train = train
        self.rule = rule or TupleRule()
        self.mining = mining or MiningConfig()
        self.queries_per_batch = queries_per_batch
        self.halve_every_passes = halve_every_passes
        self._images: TupleImages | None = None
        self._miner: TupleMiner | None = None
        self._queries_done = 0
        self._interval_start = 0
        self._interval = 0
        self._tuples: list[MinedTuple] = []
        self._restored = False
        self._loader: BatchLoader | None = None

    @property
    def images(self) -> TupleImages:
        """The training images, read when first asked for."""
        if self._images is None:
            self._images = self.train.open()
        return self._images

    @property
    def miner(self) -> TupleMiner:
        """The miner with what it remembers."""
        if self._miner is None:
            images = self.images
            pairs = positives_and_non_negatives(images.query_placement, images.database_placement, self.rule)
            self._miner = TupleMiner(*pairs, len(images.database), self.mining, self.seed)
        return self._miner

    @property
    def decays(self) -> int:
        """How often the learning rate has been halved when the current interval began."""
        passes = self._interval_start // len(self.miner.usable)
        return passes // self.halve_every_passes if self.halve_every_passes else 0

    def images_to_cluster(self) -> ImageList:
        """The training split's database, as NetVLAD's authors do (docs/methods.md 2.2)."""
        return self.images.database

    def batches_per_epoch(self) -> int:
        """Batches of the current interval; 1 before the first."""
        return len(self._loader) if self._loader is not None else 1

    def setup(self, stage: str) -> None:
        """Check the trainer.

        Raises:
            ConfigError: it would train on the first interval's tuples for ever.
        """
        if stage == "fit" and self._trainer().reload_dataloaders_every_n_epochs != 1:
            raise ConfigError(
                "tuples are mined once per Lightning epoch, but trainer.reload_dataloaders_every_n_epochs is "
                f"{self._trainer().reload_dataloaders_every_n_epochs}",
                "Set it to 1",
            )

    def train_dataloader(self) -> BatchLoader:
        """Mine the next interval and return the loader of its tuples."""
        if not self._restored:
            self._tuples = self._mine()
        self._restored = False
        sampler = TupleSampler(self._tuples, self.queries_per_batch, (self.seed, self._interval), *process_group_size())
        self._loader = BatchLoader(self.batches(), sampler, self.loader)
        return self._loader

    def batches(self) -> TupleBatches:
        """What makes a batch of mined tuples."""
        return TupleBatches(self.images, self.transform, self.mining.negatives)

    def state_dict(self) -> dict[str, Any]:
        """Return what mining remembers, and the tuples of the interval."""
        width = 2 + self.mining.negatives
        tuples = np.full((len(self._tuples), width), NOTHING, dtype=np.int64)
        for row, mined in zip(tuples, self._tuples, strict=True):
            row[: 2 + len(mined.negatives)] = (mined.query, mined.positive, *mined.negatives)
        return {
            "remembered": torch.from_numpy(self.miner.remembered.copy()),
            "queries_done": self._queries_done,
            "interval_start": self._interval_start,
            "interval": self._interval,
            "tuples": torch.from_numpy(tuples),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken.

        Raises:
            TrainingError: the state is of other training data.
        """
        remembered = state_dict["remembered"].numpy()
        if remembered.shape != self.miner.remembered.shape:
            raise TrainingError(
                f"the checkpoint remembers negatives of shape {remembered.shape}, the data set has "
                f"{self.miner.remembered.shape}",
                "Resume with the training data and mining numbers of the run's config.yaml",
            )
        self.miner.remembered = remembered.copy()
        self._queries_done = int(state_dict["queries_done"])
        self._interval_start = int(state_dict["interval_start"])
        self._interval = int(state_dict["interval"])
        rows = state_dict["tuples"].tolist()
        self._tuples = [MinedTuple(q, p, tuple(n for n in rest if n != NOTHING)) for q, p, *rest in rows]
        # Lightning asks once for the epoch it was in, finished or not, and again when the next one begins
        self._restored = True

    def _mine(self) -> list[MinedTuple]:
        """Mine intervals until one has a tuple.

        Raises:
            TrainingError: no negative violates in a whole pass over the queries.
        """
        idle = 0
        while idle < len(self.miner.usable):
            self._interval_start = self._queries_done
            count = min(self.mining.interval(self.decays), len(self.miner.usable))
            tuples = self._mine_interval(self.miner.queries(self._queries_done, count))
            self._queries_done += count
            self._interval += 1
            if len(tuples) >= process_group_size()[1]:
                return tuples
            idle += count
        raise TrainingError(
            "no negative violates the margin in a whole pass over the training queries",
            "The model has learned what these data can teach: stop here, raise the margin or add data",
        )

    def _mine_interval(self, queries: Any) -> list[MinedTuple]:
        model: Any = self._trainer().lightning_module.model
        needed = self.miner.needed(queries, self._interval)
        lists = Chosen(self.images.queries, queries.tolist()), Chosen(self.images.database, needed.tolist())
        described = [describe_images(model, images, self.preprocessing, self.loader) for images in lists]
        return self.miner.mine(queries, described[0], needed, described[1], self._interval)


def _tuple_data(data: RecipeData) -> TupleDataModule:
    if not isinstance(data, TupleDataModule):
        raise ConfigError(f"TripletRanking with {type(data).__name__}", "Use TupleDataModule")
    return data
