"""A comparison of models on disk: everything as JSON, the recalls as CSV, a ``metrics.json`` per model and set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vpr_ros.core import disk
from vpr_ros.core.errors import TrainingError
from vpr_ros.training.comparison import RANKS, ComparedModel, summarise
from vpr_ros.training.csv_table import write_rows
from vpr_ros.training.image_sets import RetrievalSet


def write_tables(rows: Sequence[ComparedModel], tasks: Sequence[RetrievalSet], output: Path) -> None:
    """Write the tables to the folder *output*.

    Raises:
        TrainingError: the disk refuses.
    """
    _write_json(output / "comparison.json", _as_json(rows, tasks))
    for number, row in enumerate(rows):
        for task, metrics in row.metrics.items():
            _write_json(output / f"{number}_{row.name}" / task / "metrics.json", {**metrics, "model": row.file})
    titles = ["model", "variant", "file", "runtime", "dim", "parameters", "ms", "MB per 1000 images"]
    recalls = [f"{task.name} R@{rank}" for task in tasks for rank in RANKS]
    write_rows(output / "comparison.csv", [*titles, *recalls], (_cells(row, tasks) for row in rows))


def _cells(row: ComparedModel, tasks: Sequence[RetrievalSet]) -> list[str | int]:
    counts = [row.descriptor_dim, row.parameters]
    measured = [f"{row.ms_per_image:.2f}", f"{row.mb_per_1000_images:.2f}"]
    recalls = [f"{row.recall[task.name][rank]:.2f}" for task in tasks for rank in RANKS]
    return [row.name, row.variant, row.file, row.runtime, *counts, *measured, *recalls]


def _as_json(rows: Sequence[ComparedModel], tasks: Sequence[RetrievalSet]) -> dict[str, Any]:
    """What ``comparison.json`` holds; a deviation that is unknown is null."""
    summaries = [asdict(summary) for summary in summarise(rows)]
    for summary in summaries:
        for ranks in summary["deviation"].values():
            ranks.update({rank: None for rank, value in ranks.items() if np.isnan(value)})
    return {
        "protocols": {task.name: task.protocol for task in tasks},
        "models": [asdict(row) for row in rows],
        "by_name": summaries,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    disk.write_text(path, json.dumps(content, indent=2) + "\n", TrainingError)
