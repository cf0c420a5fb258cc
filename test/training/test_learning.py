# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Training teaches: recall on rooms never seen rises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from vpr_ros.core.frames import ImageRgb
from vpr_ros.evaluation.positives import Positives
from vpr_ros.training.batches import LoaderOptions
from vpr_ros.training.image_sets import EvaluationData, PlaceData, PlaceImages, RetrievalSet
from vpr_ros.training.metric_learning import PlaceDataModule
from vpr_ros.training.optimiser import OptimiserConfig
from vpr_ros.training.place_sampler import BatchShape
from vpr_ros.training.transforms import Augmentation

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*treespec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The number of training batches.*:UserWarning"),
]


class HardRooms:
    """Rooms whose light, colour and noise change so much between two views that pixels no longer tell them apart."""

    def __init__(self, rooms: range, views: int, seed: int) -> None:
        self.rooms = rooms
        self.views = views
        self.seed = seed

    def __len__(self) -> int:
        return len(self.rooms) * self.views

    def load(self, index: int) -> ImageRgb:
        pattern = np.random.default_rng(self.rooms[index // self.views]).integers(0, 255, (8, 8, 3)).astype(float)
        rng = np.random.default_rng([self.seed, index])
        lit = np.kron(pattern, np.ones((5, 5, 1))) * rng.uniform(0.3, 1.6, 3) + rng.uniform(-60, 60)
        return np.clip(lit + rng.normal(0, 50, (40, 40, 3)), 0, 255).astype(np.uint8)

    def name(self, index: int) -> str:
        return f"room{self.rooms[index // self.views]}"


class Training(PlaceData):
    def open(self) -> PlaceImages:
        places = np.repeat(np.arange(100), 4)
        return PlaceImages("100 rooms", HardRooms(range(100), 4, 1), places, np.zeros_like(places))


class OtherRooms(EvaluationData):
    def open(self) -> RetrievalSet:
        rooms = range(500, 560)
        positives = Positives.from_lists([[i] for i in range(60)], "same room")
        return RetrievalSet("other", "60 other rooms", HardRooms(rooms, 1, 2), HardRooms(rooms, 1, 3), positives)


def test_recall_on_other_rooms_rises(tmp_path: Path) -> None:
    model = {
        **tiny.PLAIN_MODEL,
        "backbone": {**tiny.PLAIN_MODEL["backbone"], "dim": 32, "blocks": 2},
        "aggregation": {"name": "supervlad", "clusters": 4, "ghost_clusters": 1},
    }
    module = tiny.metric_module(model, optimiser=OptimiserConfig(lr=1e-3, decay_epochs=0))
    data = PlaceDataModule(
        train=Training(),
        batch=BatchShape(20, 4),
        validation=[OtherRooms()],
        augmentation=Augmentation(operations=0),
        loader=LoaderOptions(workers=0),
    )
    trainer = tiny.trainer(tmp_path, 14)
    before = trainer.validate(module, data, verbose=False)[0]["val/other/R@1"]
    trainer.fit(module, data)
    after = float(trainer.callback_metrics["val/other/R@1"])
    assert before < 30, "the task must be hard before training"
    assert after > before + 25, "measured: 15 before, about 80 after"
    assert torch.isfinite(trainer.callback_metrics["train/loss"])
