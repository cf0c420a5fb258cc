# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One study: every aggregation with every seed, each cell kept on disk, so that what was killed goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from vpr_ros.core import disk
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.hashing import file_sha256, json_sha256
from vpr_ros.models import PlaceModel
from vpr_ros.training.frozen_tokens import FrozenTokens
from vpr_ros.training.progress import ShowProgress, Update
from vpr_ros.training.study.cell import AGGREGATIONS, Cell, Head, StudyTraining, TaskTokens, TrainingTokens, train_cell
from vpr_ros.training.study.kept_cell import read_cell
from vpr_ros.training.study.pool import stoppable_pool
from vpr_ros.training.study.tokens import TRAINED_ON, real_tasks, town_tasks, training_tokens
from vpr_ros.training.study.town_study import TownStudy

POOLED = 2
"""Rows and columns of the backbone's tokens that become one; a transformer's tokens are as coarse."""


@dataclass(frozen=True)
class Study(TownStudy):
    """What is compared on what.

    Attributes:
        real: folders of ``ImagePairs`` to measure on beside the towns.
        steps: of training.

    Raises:
        ConfigError: nothing to train.
    """

    real: tuple[Path, ...] = ()
    seeds: int = 10
    towns: int = 6
    test_towns: int = 8
    steps: int = 1500

    def __post_init__(self) -> None:
        self.check(self.steps)

    @property
    def training(self) -> StudyTraining:
        """Of every row."""
        return StudyTraining(steps=self.steps)

    def token_settings(self, backbone_sha256: str) -> dict[str, Any]:
        """What tokens depend on; those of other settings are never taken for these."""
        return {
            "backbone_sha256": backbone_sha256,
            **self.drive_settings(),
            "pooled": POOLED,
            "trained_on": list(TRAINED_ON),
        }

    def settings(self, backbone_sha256: str) -> dict[str, Any]:
        """What cells depend on."""
        return {
            **self.token_settings(backbone_sha256),
            "real": [root.name for root in self.real],
            "towns": self.towns,
            "test_towns": self.test_towns,
            "training": asdict(self.training),
        }


@dataclass(frozen=True)
class StudyResult:
    """What came out.

    Attributes:
        settings: of the study and its tasks, for who reads the table later.
        cells: seed by seed, aggregation by aggregation.
    """

    settings: dict[str, Any]
    cells: list[Cell]


class _Data(NamedTuple):
    grid: tuple[int, int]
    training: TrainingTokens
    tasks: list[TaskTokens]


def run_study(
    model: PlaceModel, backbone: Path, study: Study, output: Path, progress: ShowProgress, threads: int = 1
) -> StudyResult:
    """Train and measure what *output* does not hold yet.

    Args:
        model: whose backbone is frozen under every aggregation.
        backbone: the file it came from; its hash tells one study from another.
        study: see there.
        output: folder for tokens and finished cells.
        progress: see there.
        threads: cells trained at the same time; torch itself should use one thread then.

    Raises:
        TrainingError: a set that cannot be read, a loss that is not finite, or a disk that refuses.
    """
    sha256 = file_sha256(backbone)
    settings = study.settings(sha256)
    folder = output / f"cells_{json_sha256(settings)[:12]}"
    files = [
        (folder / f"{file_stem(aggregation)}_{seed}.json", aggregation, seed)
        for seed in range(study.seeds)  # seed by seed: a study that was ended early has whole seeds
        for aggregation in AGGREGATIONS
    ]
    data = _data(model, study, output / f"tokens_{json_sha256(study.token_settings(sha256))[:12]}", progress)
    _train_missing([entry for entry in files if not entry[0].is_file()], data, study.training, threads, progress)
    names = [field.name for field in fields(Cell)]
    cells = [Cell(**{name: cell[name] for name in names}) for cell in (read_cell(file, names) for file, _, _ in files)]
    return StudyResult({**settings, "tasks": [_protocol(task) for task in data.tasks]}, cells)


def _data(model: PlaceModel, study: Study, folder: Path, progress: ShowProgress) -> _Data:
    size = replace(model.config.preprocessing, height_px=study.size_px[0], width_px=study.size_px[1])
    frozen = FrozenTokens(model, size, folder, POOLED)
    training = training_tokens(frozen, study.drives, study.towns, progress)
    tasks = [
        *town_tasks(frozen, study.drives, study.towns, study.test_towns, progress),
        *real_tasks(frozen, study.real, progress),
    ]
    return _Data(frozen.grid, training, tasks)


def _train_missing(
    missing: Sequence[tuple[Path, str, int]],
    data: _Data,
    training: StudyTraining,
    threads: int,
    progress: ShowProgress,
) -> None:
    """Train the cells that have no file yet, in order, several at a time."""

    def train(head: Head, file: Path, update: Update) -> None:
        cell = train_cell(head, data.training, data.tasks, training, update)
        disk.write_text(file, json.dumps(asdict(cell), indent=2), TrainingError)

    with progress(f"{len(missing)} rows and seeds") as update, stoppable_pool(threads) as (pool, unless_stopped):
        dim = data.training.tokens.shape[2]
        jobs = [
            pool.submit(train, Head(row, seed, dim, data.grid), file, unless_stopped) for file, row, seed in missing
        ]
        for done, job in enumerate(jobs, 1):
            job.result()
            update(done, len(jobs))


def file_stem(aggregation: str) -> str:
    """Name the files of a row."""
    return "".join(letter if letter.isalnum() else "_" for letter in aggregation.replace(",", "").replace("=", ""))


def _protocol(task: TaskTokens) -> dict[str, Any]:
    return {
        "name": task.name,
        "database": len(task.database),
        "queries": len(task.queries),
        "answerable": int(task.positives.answerable.sum()),
        "rule": task.positives.rule,
    }
