"""What a study trains on and is measured on: images of simulated towns and of real sets, as tokens of its backbone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vpr_ros.training.datasets.image_pairs import ImagePairs
from vpr_ros.training.datasets.towns import TownDrives, TownPlaces, TownRetrieval
from vpr_ros.training.frozen_tokens import FrozenTokens
from vpr_ros.training.image_sets import EvaluationData
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.progress import ShowProgress
from vpr_ros.training.study.cell import TaskTokens, TrainingTokens

CONDITIONS = ("day", "overcast", "dusk", "night", "winter")
OTHER_TOWN = 1000


def training_tokens(frozen: FrozenTokens, drives: TownDrives, towns: int, progress: ShowProgress) -> TrainingTokens:
    """Tokens of the first *towns* towns, in every condition.

    Raises:
        TrainingError: see ``FrozenTokens.of``.
    """
    parts, start = [], 0
    for seed in range(towns):  # one after the other: a town keeps its painted textures while it lives
        places = TownPlaces((seed,), CONDITIONS, drives, PlaceGrid(cell_m=10.0)).open()
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


def task_tokens(
    frozen: FrozenTokens, drives: TownDrives, real: Sequence[Path], progress: ShowProgress
) -> Iterator[TaskTokens]:
    """Tokens of the towns that are asked for again, and of the *real* sets, each a folder of ``ImagePairs``.

    Raises:
        TrainingError: a set that cannot be read; see ``FrozenTokens.of`` too.
    """
    sets: list[EvaluationData] = [
        TownRetrieval(0, "day", "day", drives, name="same town"),
        TownRetrieval(OTHER_TOWN, "day", "day", drives, name="other town"),
        TownRetrieval(OTHER_TOWN, "day", "night", drives, name="night"),
        TownRetrieval(OTHER_TOWN, "day", "winter", drives, name="season"),
        *(ImagePairs(root, name=root.name) for root in real),
    ]
    for evaluation in sets:
        task = evaluation.open().checked()
        key = task.name.replace(" ", "_")
        with progress(task.name) as update:
            database = frozen.of(f"{key}_database", task.database, update)
            queries = frozen.of(f"{key}_queries", task.queries, update)
        yield TaskTokens(task.name, database, queries, task.positives)
