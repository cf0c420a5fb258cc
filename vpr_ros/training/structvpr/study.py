# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The ablation from towns to figures: both branches of every seed, then every variant; finished cells stay on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.torch import load_file, save
from torch import nn

from vpr_ros.core import disk
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.hashing import json_sha256
from vpr_ros.evaluation.retrieval import evaluate_retrieval
from vpr_ros.training.delg.kept_images import KeptImages
from vpr_ros.training.progress import ShowProgress, Update
from vpr_ros.training.structvpr.miniature import (
    NONE,
    Look,
    MiniatureBranch,
    MiniatureLessons,
    MiniatureTraining,
    Watch,
    describe,
    train_branch,
    variants,
)
from vpr_ros.training.structvpr.partition import GROUPS, Partition
from vpr_ros.training.structvpr.sample_weights import sample_weights
from vpr_ros.training.structvpr.study_images import (
    LIGHTS,
    TownTask,
    TrainingDrives,
    label_look,
    label_weights,
    measured_tasks,
    rgb_look,
    training_drives,
    validation_tasks,
)
from vpr_ros.training.study.kept_cell import read_cell
from vpr_ros.training.study.pool import stoppable_pool
from vpr_ros.training.study.town_study import TownStudy

TRAINED_ON = ("day", "overcast", "day", "sunny", "day", "overcast")
"""Conditions of the drives through a town that is trained on: by day, in what comes with the day."""
TEACHER, STUDENT = "teacher", "student"
LAST_PART, LOOKS = 0.2, 5
"""Validation in the last fifth of the steps: so many times after its beginning."""


@dataclass(frozen=True)
class StructVprStudy(TownStudy):
    """What is compared on what.

    Attributes:
        training: of every branch.

    Raises:
        ConfigError: nothing to train.
    """

    seeds: int = 5
    towns: int = 4
    test_towns: int = 6
    training: MiniatureTraining = field(default_factory=MiniatureTraining)

    def __post_init__(self) -> None:
        self.check(self.training.steps)

    def image_settings(self) -> dict[str, Any]:
        """What images depend on; those of other settings are never taken for these."""
        return {**self.drive_settings(), "by_day": list(TRAINED_ON), "lights": LIGHTS}

    def settings(self) -> dict[str, Any]:
        """What cells depend on."""
        return {
            **self.image_settings(),
            "towns": self.towns,
            "test_towns": self.test_towns,
            "training": asdict(self.training),
        }


@dataclass(frozen=True)
class StudyResult:
    """What came out.

    Attributes:
        settings: of the study.
        seeds: of each seed, variant -> ``recall`` (column -> percent, town by town), and of "none" ``validation``
            (step -> percent in the last fifth); "teacher" and "student" are the first stage, with ``shares`` of the
            groups.
    """

    settings: dict[str, Any]
    seeds: list[dict[str, Any]]


class _Data(NamedTuple):
    training: TrainingDrives
    tasks: list[TownTask]
    validation: list[TownTask]


def run_structvpr_study(study: StructVprStudy, output: Path, progress: ShowProgress, threads: int = 1) -> StudyResult:
    """Train and measure what *output* does not hold yet.

    Args:
        study: see there.
        output: folder for images and finished cells.
        progress: see there.
        threads: branches trained at the same time; torch itself should use one thread then.

    Raises:
        TrainingError: a loss that is not finite, a damaged file, or a disk that refuses.
    """
    folder = output / f"cells_{json_sha256(study.settings())[:12]}"
    kept = KeptImages(output / f"images_{json_sha256(study.image_settings())[:12]}")
    per_place = study.training.images_per_place
    data = _Data(
        training_drives(kept, study.drives, study.towns, TRAINED_ON, per_place, progress),
        measured_tasks(kept, study.drives, study.towns, study.test_towns, progress),
        validation_tasks(kept, study.drives, progress),
    )
    rows = {seed: _Seed(seed, study, data, folder) for seed in range(study.seeds)}
    first = [(row.first_stage, (branch,)) for row in rows.values() for branch in (TEACHER, STUDENT)]
    _train(f"both branches, {study.seeds} seeds", first, threads, progress)
    second = [(row.variant, (name,)) for row in rows.values() for name in variants(study.training.threshold)]
    _train(f"{len(second)} variants and seeds", second, threads, progress)
    return StudyResult(study.settings(), [row.result() for row in rows.values()])


def _train(
    title: str, jobs: Sequence[tuple[Callable[..., None], tuple[str]]], threads: int, progress: ShowProgress
) -> None:
    with progress(title) as update, stoppable_pool(threads) as (pool, unless_stopped):
        running = [pool.submit(train, *arguments, unless_stopped) for train, arguments in jobs]
        for done, job in enumerate(running, 1):
            job.result()
            update(done, len(running))


class _Seed:
    """All that is trained under one seed."""

    def __init__(self, seed: int, study: StructVprStudy, data: _Data, folder: Path) -> None:
        self.seed = seed
        self.training = study.training
        self.data = data
        self.folder = folder

    def first_stage(self, name: str, update: Update) -> None:
        """Train a branch by itself."""
        if self._cell(name).is_file() and self._weights(name).is_file():
            return
        branch, look = self._branch(name)
        views = self.data.training.views(look)
        train_branch(branch, views, self.seed, self.training.first_rate, self.training, update)
        with disk.new_file(self._weights(name), TrainingError) as part:
            part.write_bytes(save({key: value.contiguous() for key, value in branch.state_dict().items()}))
        self._write(name, {"recall": _recall(branch, look, self.data.tasks)})

    def variant(self, name: str, update: Update) -> None:
        """Train the student on, with its teacher or without."""
        if self._cell(name).is_file():
            return
        branch, look = self._trained(STUDENT)
        rule = variants(self.training.threshold)[name]
        lessons = None
        if rule is not None:
            lessons = MiniatureLessons(self.answers[TEACHER], sample_weights(self.partition, rule))
        views = self.data.training.views(look)
        watch = self._watch() if name == NONE else None
        rate, seed = self.training.second_rate, 1000 + self.seed
        validation = train_branch(branch, views, seed, rate, self.training, update, lessons, watch)
        found: dict[str, Any] = {"recall": _recall(branch, look, self.data.tasks)}
        if watch is not None:
            found["validation"] = dict(zip(map(str, watch.steps), validation, strict=True))
        self._write(name, found)

    @cached_property
    def answers(self) -> dict[str, Any]:
        """What both branches of the first stage say of all training images."""
        images = self.data.training.images
        trained = {name: self._trained(name) for name in (TEACHER, STUDENT)}
        return {name: describe(branch, look(images), len(images)) for name, (branch, look) in trained.items()}

    @cached_property
    def partition(self) -> Partition:
        """The training pairs, as both branches of the first stage find them."""
        ranks = {name: self.data.training.pairs.ranks(answers, answers) for name, answers in self.answers.items()}
        return Partition(ranks[TEACHER], ranks[STUDENT], self.training.threshold)

    def result(self) -> dict[str, Any]:
        """Every cell, and the shares of the groups."""
        names = (TEACHER, STUDENT, *variants(self.training.threshold))
        cells = {
            name: read_cell(self._cell(name), {"recall", "validation"} if name == NONE else {"recall"})
            for name in names
        }
        cells[STUDENT]["shares"] = {group: self.partition.share(group) for group in GROUPS}
        return cells

    def _branch(self, name: str) -> tuple[MiniatureBranch, Callable[..., Look]]:
        if name == TEACHER:
            return MiniatureBranch(len(label_weights()), self.seed), label_look
        return MiniatureBranch(3, self.seed), rgb_look

    def _trained(self, name: str) -> tuple[MiniatureBranch, Callable[..., Look]]:
        branch, look = self._branch(name)
        branch.load_state_dict(load_file(self._weights(name)))
        return branch.eval(), look

    def _watch(self) -> Watch:
        steps = self.training.steps
        first = round((1 - LAST_PART) * steps)
        when = sorted({max(1, round(step)) for step in np.linspace(first, steps, 1 + LOOKS)})
        tasks = self.data.validation

        def measure(branch: nn.Module) -> float:
            return float(np.mean(list(_recall(branch, rgb_look, tasks).values())))

        return Watch(tuple(when), measure)

    def _cell(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '_')}_{self.seed}.json"

    def _weights(self, name: str) -> Path:
        return self.folder / f"{name}_{self.seed}.safetensors"

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        disk.write_text(self._cell(name), json.dumps(content, indent=2), TrainingError)


def _recall(branch: nn.Module, look: Callable[..., Look], tasks: Sequence[TownTask]) -> dict[str, list[float]]:
    """Column -> recall@1 in percent, town by town; tasks with one database stand one behind the other."""
    found: dict[str, list[float]] = {}
    described: dict[int, Any] = {}
    for task in tasks:
        if id(task.database) not in described:
            described = {id(task.database): describe(branch, look(task.database), len(task.database))}
        queries = describe(branch, look(task.queries), len(task.queries))
        recall = evaluate_retrieval(described[id(task.database)], queries, task.positives, (1,))
        found.setdefault(task.column, []).append(recall.at[1])
    return found
