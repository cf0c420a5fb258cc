"""``compare_papers``: the papers' claims in miniature, one table: aggregations, seeds, simulated and real sets."""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.files import parse_json, read_text
from vpr_ros.export.exported_model import model_of_export
from vpr_ros.inference import shipped_model_path
from vpr_ros.models import PlaceModel
from vpr_ros.models.checkpoint import load_checkpoint
from vpr_ros.training.datasets.image_pairs import ImagePairs
from vpr_ros.training.datasets.towns import TownDrives, TownPlaces, TownRetrieval
from vpr_ros.training.frozen_tokens import FrozenTokens
from vpr_ros.training.image_sets import EvaluationData
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.run_folder import write_text
from vpr_ros.training.study import AGGREGATIONS, Cell, StudyTraining, TaskTokens, TrainingTokens, train_cell

EXAMPLE = """  %(prog)s --output study --real sets/office_corridor --real sets/fisheye_corridor
  %(prog)s --backbone runs/nano/vpr_nano.safetensors --output study"""
CONDITIONS = ("day", "overcast", "dusk", "night", "winter")
OTHER_TOWN = 1000


def compare_papers(argv: Sequence[str]) -> None:
    """Run the command.

    Raises:
        VprError: anything the user can mend.
    """
    options = _parser().parse_args(argv)
    if min(options.seeds, options.towns, options.steps) < 1:
        raise ConfigError("--seeds, --towns and --steps count from 1", "Leave them at their defaults")
    if options.threads:
        torch.set_num_threads(options.threads)
    backbone = options.backbone or shipped_model_path()
    model = open_backbone(backbone)
    size = replace(model.config.preprocessing, height_px=options.size[0], width_px=options.size[1])
    settings = _settings(options, backbone)
    run = options.output / hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    frozen = FrozenTokens(model, size, run / "tokens")
    drives = TownDrives(
        options.spacing_m, options.distance_m, options.size[1], options.size[0], lateral_offset_m=options.offset_m
    )
    data = _training_tokens(frozen, drives, options.towns)
    tasks = list(_tasks(frozen, drives, options.real))
    training = StudyTraining(steps=options.steps)
    cells = []
    for aggregation in AGGREGATIONS:
        for seed in range(options.seeds):
            kept = run / "cells" / f"{list(AGGREGATIONS).index(aggregation)}_{seed}.json"
            with progress_bar(f"{aggregation}, seed {seed}") as update:
                if not kept.is_file():
                    cell = train_cell(aggregation, seed, frozen.grid, data, tasks, training, update)
                    write_text(kept, json.dumps(asdict(cell), indent=2))
            cells.append(Cell(**parse_json(read_text(kept, TrainingError), str(kept), TrainingError)))
    _write(cells, options.output, {**settings, "tasks": [_protocol(task) for task in tasks]})
    _show(cells)


def open_backbone(path: Path) -> PlaceModel:
    """Read a model whose backbone is wanted from a checkpoint, or from an exported vpr_nano.

    Raises:
        ExportError, ModelError, TrainingError: the file is neither.
    """
    return model_of_export(path) if path.suffix == ".onnx" else load_checkpoint(path)[0]


def _parser() -> CommandParser:
    parser = CommandParser("compare_papers", __doc__ or "", EXAMPLE)
    parser.add_argument(
        "--backbone",
        type=Path,
        help="checkpoint, or an fp32 export of vpr_nano; its backbone is frozen (default: the shipped vpr_nano)",
    )
    parser.add_argument("--output", type=Path, required=True, help="tokens, finished cells, the table")
    parser.add_argument("--real", type=Path, action="append", default=[], help="folder with map/, query/ and gt.csv")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row (default 3)")
    parser.add_argument("--towns", type=int, default=6, help="simulated towns to train on (default 6)")
    parser.add_argument("--steps", type=int, default=300, help="of training (default 300)")
    parser.add_argument("--size", type=int, nargs=2, default=(120, 160), metavar=("H", "W"), help="pixels (120 160)")
    parser.add_argument("--spacing-m", type=float, default=5.0, help="between two images (default 5)")
    parser.add_argument("--distance-m", type=float, default=400.0, help="of each drive (default 400)")
    parser.add_argument("--offset-m", type=float, default=1.5, help="largest sideways offset of a drive (default 1.5)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes every core")
    return parser


def _settings(options: argparse.Namespace, backbone: Path) -> dict[str, Any]:
    """What tokens and cells depend on; those of other settings are never taken for these."""
    return {
        "backbone_sha256": hashlib.sha256(backbone.read_bytes()).hexdigest(),
        "real": [root.name for root in options.real],
        **{name: getattr(options, name) for name in ("towns", "steps", "spacing_m", "distance_m", "offset_m")},
        "size": list(options.size),
    }


def _protocol(task: TaskTokens) -> dict[str, Any]:
    return {
        "name": task.name,
        "database": len(task.database),
        "queries": len(task.queries),
        "answerable": int(task.positives.answerable.sum()),
        "rule": task.positives.rule,
    }


def _training_tokens(frozen: FrozenTokens, drives: TownDrives, towns: int) -> TrainingTokens:
    parts, start = [], 0
    for seed in range(towns):  # one after the other: a town keeps its painted textures while it lives
        places = TownPlaces((seed,), CONDITIONS, drives, PlaceGrid(cell_m=10.0)).open()
        with progress_bar(f"training town {seed}") as update:
            tokens = frozen.of(f"train_{seed}", places.images, update)
        # The groups keep touching cells apart; they are the same for all towns, so a batch shows several of them.
        parts.append(TrainingTokens(tokens, places.place_ids + start, places.groups))
        start += int(places.place_ids.max()) + 1
    return TrainingTokens(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.place_ids for part in parts]),
        np.concatenate([part.groups for part in parts]),
    )


def _tasks(frozen: FrozenTokens, drives: TownDrives, real: Sequence[Path]) -> Iterator[TaskTokens]:
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
        with progress_bar(task.name) as update:
            database = frozen.of(f"{key}_database", task.database, update)
            queries = frozen.of(f"{key}_queries", task.queries, update)
        yield TaskTokens(task.name, database, queries, task.positives)


def _statistics(cells: Sequence[Cell]) -> Iterator[tuple[Cell, dict[str, tuple[float, float]]]]:
    """One row per aggregation: its first cell, and task -> mean and sample deviation over the seeds."""
    for aggregation in AGGREGATIONS:
        mine = [cell for cell in cells if cell.aggregation == aggregation]
        figures = {}
        for task in mine[0].recall_at_1:
            recalls = [cell.recall_at_1[task] for cell in mine]
            figures[task] = (
                float(np.mean(recalls)),
                float(np.std(recalls, ddof=1)) if len(recalls) > 1 else float("nan"),
            )
        yield mine[0], figures


def _write(cells: Sequence[Cell], output: Path, settings: Mapping[str, Any]) -> None:
    report = {"settings": settings, "cells": [asdict(cell) for cell in cells]}
    write_text(output / "comparison.json", json.dumps(report, indent=2))
    tasks = list(cells[0].recall_at_1)
    lines = [f"| aggregation | dimension | trainable | {' | '.join(tasks)} |", "|---" * (3 + len(tasks)) + "|"]
    with (
        new_file(output / "comparison.csv", TrainingError) as part,
        part.open("w", newline="", encoding="utf-8") as stream,
    ):
        table = csv.writer(stream)
        table.writerow(["aggregation", "dimension", "trainable", *(f"{t} {s}" for t in tasks for s in ("mean", "sd"))])
        for cell, figures in _statistics(cells):
            numbers = [f"{value:.2f}" for task in tasks for value in figures[task]]
            table.writerow([cell.aggregation, cell.descriptor_dim, cell.trainable, *numbers])
            shown = " | ".join(_shown(figures[task]) for task in tasks)
            lines.append(f"| {cell.aggregation} | {cell.descriptor_dim} | {cell.trainable} | {shown} |")
    write_text(output / "comparison.md", "\n".join(lines) + "\n")


def _show(cells: Sequence[Cell]) -> None:
    tasks = list(cells[0].recall_at_1)
    table = Table("aggregation", "dim", *tasks, title="recall@1 in percent, mean ± deviation over the seeds")
    for cell, figures in _statistics(cells):
        table.add_row(cell.aggregation, str(cell.descriptor_dim), *(_shown(figures[task]) for task in tasks))
    stdout_console().print(table)


def _shown(figure: tuple[float, float]) -> str:
    mean, deviation = figure
    return f"{mean:.1f}" if np.isnan(deviation) else f"{mean:.1f} ± {deviation:.1f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(compare_papers, argv)


if __name__ == "__main__":
    sys.exit(main())
