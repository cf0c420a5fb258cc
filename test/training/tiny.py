# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A data set of a few coloured rooms and a model small enough to train in a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from vpr_ros.core.frames import ImageRgb
from vpr_ros.evaluation.positives import Positives
from vpr_ros.training.batches import LoaderOptions
from vpr_ros.training.image_sets import EvaluationData, PlaceData, PlaceImages, RetrievalSet, TupleData, TupleImages
from vpr_ros.training.metric_learning import MetricLearning, PlaceDataModule
from vpr_ros.training.optimiser import OptimiserConfig
from vpr_ros.training.place_sampler import BatchShape
from vpr_ros.training.run_folder import ResumePoint
from vpr_ros.training.triplet_training import TripletRanking, TupleDataModule
from vpr_ros.training.tuple_mining import MiningConfig
from vpr_ros.training.tuple_positions import Placement

# attention dropout and stochastic depth draw random numbers in every step: a resume that forgets them is seen
MODEL: dict[str, Any] = {
    "name": "tiny",
    "backbone": {
        "name": "cct14_7x2_384",
        "dim": 16,
        "blocks": 1,
        "heads": 2,
        "image_px": [32, 32],
        "attention_dropout": 0.3,
        "stochastic_depth": 0.3,
    },
    "aggregation": {"name": "supervlad", "clusters": 2, "ghost_clusters": 1},
    "preprocessing": {"height_px": 32, "width_px": 32},
}
PLAIN_MODEL: dict[str, Any] = {
    **MODEL,
    "backbone": {**MODEL["backbone"], "attention_dropout": 0.0, "stochastic_depth": 0.0},
}
PLACES, VIEWS = 8, 4


class Rooms:
    """Images of PLACES rooms, VIEWS noisy views of each."""

    def __init__(self, places: int = PLACES, views: int = VIEWS, first_seed: int = 0) -> None:
        self.places = places
        self.views = views
        self.first_seed = first_seed

    def __len__(self) -> int:
        return self.places * self.views

    def load(self, index: int) -> ImageRgb:
        room = np.random.default_rng(index // self.views).integers(0, 255, (8, 8, 3), dtype=np.uint8)
        noise = np.random.default_rng(1000 + self.first_seed + index).integers(0, 60, (40, 48, 3))
        large = np.kron(room, np.ones((5, 6, 1)))
        return np.clip(large + noise, 0, 255).astype(np.uint8)

    def name(self, index: int) -> str:
        return f"room{index // self.views}-{index}"


class RoomPlaces(PlaceData):
    """The rooms by place, in two groups."""

    def open(self) -> PlaceImages:
        places = np.repeat(np.arange(PLACES), VIEWS)
        return PlaceImages("rooms", Rooms(), places, places % 2)


class RoomTuples(TupleData):
    """The rooms on a line, 100 m apart; a query room has its database views within 10 m."""

    def open(self) -> TupleImages:
        def line(count: int) -> Placement:
            return Placement(np.stack([100.0 * (np.arange(PLACES * count) // count), np.zeros(PLACES * count)], axis=1))

        return TupleImages("rooms", Rooms(views=2, first_seed=500), Rooms(), line(2), line(VIEWS))


class RoomRetrieval(EvaluationData):
    """Other views of the rooms against the training views."""

    def open(self) -> RetrievalSet:
        positives = [np.arange(VIEWS) + VIEWS * room for room in range(PLACES) for _ in range(2)]
        queries = Rooms(views=2, first_seed=900)
        return RetrievalSet("rooms", "rooms by number", Rooms(), queries, Positives.from_lists(positives, "same room"))


def place_data(batch_places: int = 2, workers: int = 0, train: PlaceData | None = None) -> PlaceDataModule:
    return PlaceDataModule(
        train=train or RoomPlaces(),
        batch=BatchShape(places=batch_places, images_per_place=2),
        validation=[RoomRetrieval()],
        loader=LoaderOptions(workers=workers, evaluation_batch=16),
        seed=3,
    )


def metric_module(model: dict[str, Any] | None = None, **options: Any) -> MetricLearning:
    torch.manual_seed(0)
    return MetricLearning(**{"model": model or MODEL, "optimiser": OptimiserConfig(lr=1e-3, decay_epochs=1), **options})


def triplet_module() -> TripletRanking:
    torch.manual_seed(0)
    return TripletRanking(model=MODEL, optimiser=OptimiserConfig(lr=1e-4), margin=2.0)


def tuple_data(**options: Any) -> TupleDataModule:
    return TupleDataModule(
        train=RoomTuples(),
        validation=[RoomRetrieval()],
        mining=MiningConfig(negatives=3, random_negatives=10, refresh_queries=6, margin=2.0),
        queries_per_batch=2,
        loader=LoaderOptions(workers=0, evaluation_batch=16),
        seed=3,
        **options,
    )


def trainer(folder: Path, epochs: int, callbacks: Sequence[Callback] = (), **options: Any) -> lightning.Trainer:
    settings: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "use_distributed_sampler": False,
        "num_sanity_val_steps": 0,
    }
    return lightning.Trainer(
        default_root_dir=folder, max_epochs=epochs, callbacks=list(callbacks), **{**settings, **options}
    )


def weights(module: lightning.LightningModule) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


class EndAt(Callback):
    """Ends the run after so many batches."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.fit_loop.total_batch_idx + 1 >= self.batches:
            self.end()

    def end(self) -> None:
        raise NotImplementedError


class DieAt(EndAt):
    """Ends the process without any farewell, as kill -9 does."""

    def end(self) -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)


def resume_point(folder: Path) -> ResumePoint:
    return ResumePoint(folder / "resume.ckpt", every_steps=1)
