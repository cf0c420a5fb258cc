# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The coloured rooms of ``tiny`` with label maps, and both branches small enough to train in a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import tiny
import torch

from vpr_ros.core.frames import ImageRgb
from vpr_ros.models.checkpoint import save_checkpoint
from vpr_ros.training.batches import LoaderOptions
from vpr_ros.training.labels.grouping import GroupMap, LabelGroup
from vpr_ros.training.labels.sources import LabelSource
from vpr_ros.training.optimiser import OptimiserConfig
from vpr_ros.training.place_sampler import BatchShape
from vpr_ros.training.structvpr.label_data import LabelPlaces, LabelTuples
from vpr_ros.training.structvpr.recipe import DistilledMetricLearning, DistilledTripletRanking
from vpr_ros.training.structvpr.sample_weights import WeightRule
from vpr_ros.training.structvpr.taught_data import TaughtPlaces, TaughtTuples, Watched
from vpr_ros.training.transforms import Augmentation
from vpr_ros.training.triplet_training import TripletRanking
from vpr_ros.training.tuple_mining import MiningConfig

STUDENT: dict[str, Any] = {
    "name": "tiny_student",
    "backbone": {"name": "nano_stages", "width": [4, 8, 12, 16]},
    "aggregation": {"name": "gem"},
    "preprocessing": {"height_px": 32, "width_px": 32},
}
SEG: dict[str, Any] = {
    "name": "tiny_seg",
    "backbone": {"name": "mobilenet_stages", "width": 0.35, "in_channels": 4},
    "aggregation": {"name": "stage_gem"},
    "preprocessing": STUDENT["preprocessing"],
}
MINING = MiningConfig(negatives=3, random_negatives=10, refresh_queries=6, margin=2.0, only_violating=False)
LOADER = LoaderOptions(workers=0, evaluation_batch=16)


class RoomLabels:
    """Four groups, by the brightness of a pixel."""

    groups = tuple(LabelGroup(f"level {n}", weight) for n, weight in enumerate((0.5, 1.0, 2.0, 1.0)))
    sha256 = "rooms"

    def of(self, name: str, image_rgb: ImageRgb) -> GroupMap:
        assert name.startswith("room")
        return (image_rgb.mean(axis=2) // 64).astype(np.uint8)


class FromRooms(LabelSource):
    """The recipe's word for them."""

    def open(self) -> RoomLabels:
        return RoomLabels()


def common(**more: Any) -> dict[str, Any]:
    return {"validation": [tiny.RoomRetrieval()], "loader": LOADER, "seed": 3, **more}


def tuples(**more: Any) -> dict[str, Any]:
    return common(train=tiny.RoomTuples(), mining=MINING, queries_per_batch=2, **more)


def label_tuples(**more: Any) -> LabelTuples:
    return LabelTuples(labels=FromRooms(), **tuples(**more))


def label_places() -> LabelPlaces:
    shape = BatchShape(places=2, images_per_place=2)
    return LabelPlaces(labels=FromRooms(), train=tiny.RoomPlaces(), batch=shape, **common())


def taught_tuples(teacher: Path, seg: bool = True, **more: Any) -> TaughtTuples:
    labels = {"labels": FromRooms()} if seg else {}
    options = {"weights": WeightRule(threshold=2), "watched": Watched(10, 6), "augmentation": Augmentation(1), **labels}
    return TaughtTuples(teacher=teacher, **tuples(**{**options, **more}))


def taught_places(teacher: Path, **more: Any) -> TaughtPlaces:
    options = {"train": tiny.RoomPlaces(), "batch": BatchShape(places=2, images_per_place=2), "watched": Watched(10, 6)}
    return TaughtPlaces(teacher=teacher, **common(**{**options, **more}))


def branch(model: dict[str, Any]) -> TripletRanking:
    torch.manual_seed(0)
    return TripletRanking(model=model, optimiser=OptimiserConfig(lr=1e-3), margin=2.0)


def student(**more: Any) -> DistilledTripletRanking:
    torch.manual_seed(1)
    options = {"model": STUDENT, "optimiser": OptimiserConfig(lr=1e-3), "margin": 2.0, "distillation": 1.0}
    return DistilledTripletRanking(**{**options, **more})


def metric_student(**more: Any) -> DistilledMetricLearning:
    torch.manual_seed(1)
    return DistilledMetricLearning(**{"model": STUDENT, "optimiser": OptimiserConfig(lr=1e-3), **more})


class Stopped(Exception):  # noqa: N818  # nothing went wrong
    """The run ends here."""


class StopAt(tiny.EndAt):
    """Ends the run in the middle."""

    def end(self) -> None:
        raise Stopped


class StopOnce(StopAt):
    """Ends the first run alone: the second finds the file that the first one left."""

    def __init__(self, marker: str, batches: int) -> None:
        super().__init__(batches)
        self.marker = Path(marker)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if not self.marker.exists() and trainer.fit_loop.total_batch_idx + 1 >= self.batches:
            self.marker.touch()
            raise Stopped


def saved(module: Any, path: Path) -> Path:
    save_checkpoint(module.model, path)
    return path
