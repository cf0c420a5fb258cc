# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What becomes of the groups during the second stage: a table and a picture in the run's folder.

::

    RUN/pairs.csv    every training query: both ranks, group, weight
    RUN/groups.csv   per validation and group: share, weight, share of what was drawn, recall of teacher and student
    RUN/groups.png   the same, drawn when training ends
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import TrainingError
from vpr_ros.training.csv_table import write_rows
from vpr_ros.training.data_module import Chosen
from vpr_ros.training.embedding import describe_images
from vpr_ros.training.structvpr.group_figure import draw_groups
from vpr_ros.training.structvpr.partition import DISJOINT
from vpr_ros.training.structvpr.ranks import IndexArray

COLUMNS = (
    "epoch", "step", "group", "share", "weight", "drawn", "watched", "teacher_R@1", "student_R@1", "teacher_R@N",
    "student_R@N",
)  # fmt: skip
"""Shares are of 1, recalls in percent of the watched queries of the group; N is the threshold of the partition."""
Row = dict[str, str]


class GroupRecord(Callback):
    """Writes a row per group when training begins and after every validation."""

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write down what the ranking pass found; a run that goes on has it already."""
        taught: Any = trainer.datamodule  # type: ignore[attr-defined]  # Lightning sets it
        if trainer.is_global_zero and trainer.ckpt_path is None:
            folder = Path(trainer.default_root_dir)
            queries = taught.pairs.queries
            taught.graded.write(folder / "pairs.csv", [queries.name(index) for index in range(len(queries))])
            drawn = np.zeros(1 + len(DISJOINT), dtype=np.int64)
            _write(folder, _rows(taught, -1, 0, drawn, taught.graded.lessons.watched_student_rank))

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Ask the student again about the watched pairs."""
        taught: Any = trainer.datamodule  # type: ignore[attr-defined]
        module: Any = pl_module
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        watched = taught.watched_pairs
        sides = Chosen(watched.pairs.queries, watched.queries), Chosen(watched.pairs.database, watched.database)
        described = [describe_images(module.model, side, taught.preprocessing, taught.loader) for side in sides]
        if trainer.is_global_zero:
            ranks = watched.ranks(described[0], described[1])
            rows = _rows(taught, trainer.current_epoch, trainer.global_step, module.drawn, ranks)
            _write(Path(trainer.default_root_dir), rows)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Draw the table."""
        folder = Path(trainer.default_root_dir)
        if trainer.is_global_zero and (folder / "groups.csv").is_file():
            with new_file(folder / "groups.png", TrainingError) as part:
                draw_groups(read_groups(folder / "groups.csv"), part)


def _rows(taught: Any, epoch: int, step: int, drawn: IndexArray, student_rank: IndexArray) -> list[Row]:
    graded, lessons = taught.graded, taught.graded.lessons
    threshold = graded.rule.threshold
    numbers = graded.numbers[taught.watched_pairs.queries]
    rows = []
    for number, group in enumerate(DISJOINT, 1):
        inside = numbers == number
        teacher, student = lessons.watched_teacher_rank[inside], student_rank[inside]
        recalls = [_percent(ranks <= best) for best in (1, threshold) for ranks in (teacher, student)]
        share_drawn = drawn[number] / drawn[1:].sum() if drawn[1:].any() else float("nan")
        figures = [graded.partition.share(group), graded.mean_weight(group), share_drawn]
        cells = [str(epoch), str(step), group, *map(_shown, figures), str(int(inside.sum())), *map(_shown, recalls)]
        rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows


def _write(folder: Path, rows: Sequence[Row]) -> None:
    """Add rows; a run that goes on may come to the same step again."""
    path = folder / "groups.csv"
    kept = [row for row in read_groups(path) if int(row["step"]) < int(rows[0]["step"])] if path.is_file() else []
    every = [*kept, *rows]
    write_rows(path, COLUMNS, ([row[column] for column in COLUMNS] for row in every))


def read_groups(path: Path) -> list[Row]:
    """The rows of a ``groups.csv``."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _percent(hits: Any) -> float:
    return 100.0 * float(np.mean(hits)) if len(hits) else float("nan")


def _shown(figure: float) -> str:
    """A cell; empty where there is nothing to say."""
    return "" if np.isnan(figure) else f"{figure:.4f}"
