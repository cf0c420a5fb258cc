# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a study trains on and is measured on: images of simulated towns and of real sets, as tokens of its backbone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vpr_ros.training.datasets.image_pairs import ImagePairs
from vpr_ros.training.datasets.towns import TownDrives, TownMemory, TownPlaces, TownRetrieval
from vpr_ros.training.frozen_tokens import FrozenTokens
from vpr_ros.training.image_sets import RetrievalSet
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.progress import ShowProgress
from vpr_ros.training.study.cell import TaskTokens, TrainingTokens

TRAINED_ON = ("day",) * 5
"""Conditions of the drives through a town that is trained on: never those of a test other than day."""

SAME_TOWN, OTHER_TOWN, NIGHT, SEASON = "same town", "other town", "night", "season"
NOT_SEEN = {OTHER_TOWN: "day", NIGHT: "night", SEASON: "winter"}
"""Columns of towns that are not trained on, and the conditions of their queries; the map is always made by day."""

FIRST_TEST_TOWN = 1000


def training_tokens(frozen: FrozenTokens, drives: TownDrives, towns: int, progress: ShowProgress) -> TrainingTokens:
    """Tokens of the first *towns* towns, by day.

    Raises:
        TrainingError: see ``FrozenTokens.of``.
    """
    parts, start = [], 0
    for seed in range(towns):  # one after the other: a town keeps its painted textures while it lives
        places = TownPlaces((seed,), TRAINED_ON, drives, PlaceGrid(cell_m=10.0)).open()
        with progress(f"training town {seed}") as update:
            tokens = frozen.of(f"train_{seed}", places.images, update)
        # The groups keep touching cells apart; they are the same for all towns, so a batch shows several of them.
        parts.append(TrainingTokens(tokens, places.place_ids + start, places.groups))
        start += int(places.place_ids.max()) + 1
    return TrainingTokens(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.place_ids for part in parts]),
        np.concatenate([part.groups for part in parts]),
    )


def town_tasks(
    frozen: FrozenTokens, drives: TownDrives, towns: int, test_towns: int, progress: ShowProgress
) -> Iterator[TaskTokens]:
    """Another drive through towns that were trained on, and each of the *test_towns* others in all conditions.

    Raises:
        TrainingError: see ``FrozenTokens.of``.
    """
    asked = [(seed, SAME_TOWN, "day") for seed in range(min(towns, test_towns))]
    for town in range(FIRST_TEST_TOWN, FIRST_TEST_TOWN + test_towns):
        asked += [(town, column, conditions) for column, conditions in NOT_SEEN.items()]
    memory = TownMemory(drives, 1)
    for town, column, conditions in asked:
        task = TownRetrieval(town, "day", conditions, drives, name=column).open(memory).checked()
        # the map of a town is the same drive whatever is asked of it
        yield _tokens_of(task, frozen, f"map_{town}", f"queries_{town}_{conditions}", progress)


def real_tasks(frozen: FrozenTokens, real: Sequence[Path], progress: ShowProgress) -> Iterator[TaskTokens]:
    """Tokens of the *real* sets, each a folder of ``ImagePairs``.

    Raises:
        TrainingError: a set that cannot be read; see ``FrozenTokens.of`` too.
    """
    for root in real:
        task = ImagePairs(root, name=root.name).open().checked()
        yield _tokens_of(task, frozen, f"{root.name}_database", f"{root.name}_queries", progress)


def _tokens_of(
    task: RetrievalSet, frozen: FrozenTokens, database: str, queries: str, progress: ShowProgress
) -> TaskTokens:
    with progress(f"{task.name} ({queries})") as update:
        return TaskTokens(
            task.name,
            frozen.of(database, task.database, update),
            frozen.of(queries, task.queries, update),
            task.positives,
        )
