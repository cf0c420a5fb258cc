# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The miniature from towns to figures: every variant with every seed, each cell kept on disk, so that it goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from vpr_ros.core import disk
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.files import parse_json, read_text
from vpr_ros.training.datasets.towns import TownDrives, TownPlaces, TownRetrieval
from vpr_ros.training.delg.kept_images import KeptImages
from vpr_ros.training.delg.miniature import VARIANTS, MiniatureTraining, train_variant
from vpr_ros.training.delg.miniature_evaluation import TaskImages, evaluate_variant
from vpr_ros.training.image_sets import IndexArray
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.progress import ShowProgress

ImageArray = npt.NDArray[np.uint8]
CONDITIONS = ("day", "overcast", "dusk", "night", "winter")
"""Of the drives that are trained on."""

OTHER_TOWN = 1000
ASKED = (
    (0, "night", "known town"),
    (OTHER_TOWN, "day", "day"),
    (OTHER_TOWN, "night", "night"),
    (OTHER_TOWN, "winter", "season"),
)
"""Town, conditions of the queries, and what the task is called; the first town is one that is trained on."""


@dataclass(frozen=True)
class DelgStudy:
    """What is compared on what.

    Attributes:
        seeds: runs of each variant.
        towns: simulated towns to train on.
        steps: of training.
        checked: candidates that are re-ranked.
        size_px: height and width of the images.
        spacing_m, distance_m: between two images, and of a drive.

    Raises:
        ConfigError: nothing to train.
    """

    seeds: int = 3
    towns: int = 2
    steps: int = 150
    checked: int = 5
    size_px: tuple[int, int] = (180, 240)
    spacing_m: float = 5.0
    distance_m: float = 250.0

    def __post_init__(self) -> None:
        if min(self.seeds, self.towns, self.steps, self.checked) < 1:
            raise ConfigError("--seeds, --towns, --steps and --checked count from 1", "Leave them at their defaults")

    @property
    def drives(self) -> TownDrives:
        """Through the towns."""
        return TownDrives(self.spacing_m, self.distance_m, self.size_px[1], self.size_px[0], lateral_offset_m=1.5)

    def settings(self, trunk_sha256: str) -> dict[str, Any]:
        """What images and cells depend on; those of other settings are never taken for these."""
        return {
            "trunk_sha256": trunk_sha256,
            **{name: getattr(self, name) for name in ("towns", "steps", "checked", "spacing_m", "distance_m")},
            "size": list(self.size_px),
        }


@dataclass(frozen=True)
class DelgStudyResult:
    """What came out.

    Attributes:
        settings: of the study, for who reads the table later.
        seeds: of each seed, variant -> ``ap`` (way of describing -> task -> AP of each query in percent), ``losses``
            (first and last) and ``sparsity`` (share of zeros in the inner and the last map).
    """

    settings: dict[str, Any]
    seeds: list[dict[str, Any]]


def run_delg_study(
    start: Mapping[str, Tensor], trunk_sha256: str, study: DelgStudy, output: Path, progress: ShowProgress
) -> DelgStudyResult:
    """Train and measure what *output* does not hold yet.

    Args:
        start: weights of the trunk, by the names of ``NanoStages``.
        trunk_sha256: of the file they come from.
        study: see there.
        output: folder for images and finished cells.
        progress: see there.

    Raises:
        TrainingError: a loss that is not finite, a damaged file, or a disk that refuses.
    """
    settings = study.settings(trunk_sha256)
    folder = output / hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    kept = KeptImages(folder / "images")
    images, labels = _training_images(kept, study, progress)
    tasks = _tasks(kept, study.drives, progress)
    training = MiniatureTraining(steps=study.steps)
    seeds = []
    for seed in range(study.seeds):
        cell = {}
        for number, (name, variant) in enumerate(VARIANTS.items()):
            file = folder / "cells" / f"{number}_{seed}.json"
            if not file.is_file():
                with progress(f"{name}, seed {seed}: training") as update:
                    trained = train_variant(variant, seed, start, images, labels, training, update)
                with progress(f"{name}, seed {seed}: evaluation") as update:
                    found = evaluate_variant(trained, tasks, images, study.checked, update)
                losses = [trained.first_loss, trained.last_loss]
                written = json.dumps({"ap": found, "losses": losses, "sparsity": trained.sparsity})
                disk.write_text(file, written, TrainingError)
            cell[name] = parse_json(read_text(file, TrainingError), str(file), TrainingError)
        seeds.append(cell)
    return DelgStudyResult(settings, seeds)


def _training_images(kept: KeptImages, study: DelgStudy, progress: ShowProgress) -> tuple[ImageArray, IndexArray]:
    """All towns' images, (N, H, W, 3), and the place of each, numbered through."""
    images, labels, first = [], [], 0
    for seed in range(study.towns):  # one after the other: a town keeps its painted textures while it lives
        places = TownPlaces((seed,), CONDITIONS, study.drives, PlaceGrid(cell_m=10.0)).open()
        with progress(f"training town {seed}") as update:
            images.append(kept.of(f"train_{seed}", places.images, update))
        numbers = np.unique(places.place_ids, return_inverse=True)[1].reshape(-1)
        labels.append(numbers + first)
        first += int(numbers.max()) + 1
    return np.concatenate(images), np.concatenate(labels).astype(np.int64)


def _tasks(kept: KeptImages, drives: TownDrives, progress: ShowProgress) -> list[TaskImages]:
    """Queries to a drive by day through the same town, none of which is trained on."""
    tasks, databases = [], {}
    for town, conditions, name in ASKED:
        task = TownRetrieval(town, "day", conditions, drives, name=name).open().checked()
        with progress(name) as update:
            if town not in databases:  # the same drive for all tasks of a town
                databases[town] = kept.of(f"database_{town}", task.database, update)
            queries = kept.of(f"queries_{town}_{conditions}", task.queries, update)
        tasks.append(TaskImages(name, databases[town], queries, task.positives))
    return tasks
