"""``compare_papers``: the papers' claims in miniature, every aggregation over one frozen backbone.

Simulated towns are rendered, the backbone's tokens are computed once and kept in the output folder; then an adapter and
each aggregation are trained alike with several seeds and asked in known and unknown towns, at night, in winter and in
real places. Finished parts are kept: the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from vpr_ros.cli.parser import CommandParser
from vpr_ros.core.command import run_command
from vpr_ros.core.errors import ConfigError
from vpr_ros.training.study.cell import Cell, read_cell, run_cell, write_cell
from vpr_ros.training.study.keys import settings_key
from vpr_ros.training.study.models import STUDIED
from vpr_ros.training.study.plan import StudyImages, StudyTraining
from vpr_ros.training.study.table import Row, table_cells, write_table
from vpr_ros.training.study.token_backbone import open_backbone
from vpr_ros.training.study.token_cache import TokenCache

EXAMPLE = """  compare_papers --backbone runs/nano/vpr_nano.safetensors --output runs/papers --real corridor/
  (a --real folder holds map/, query/ and gt.csv with the columns query,positives)"""


def compare_papers(argv: Sequence[str]) -> None:
    """Run the command.

    Raises:
        VprError: anything the user can mend.
    """
    options = _parser().parse_args(argv)
    if options.seeds < 1 or options.steps < 1:
        raise ConfigError(f"--seeds {options.seeds} --steps {options.steps}", "Give at least one of each")
    _check_names(options.real)
    torch.set_num_threads(options.threads)
    images, training = _plan(options)
    settings = {"images": asdict(images), "training": asdict(training)}
    backbone = open_backbone(options.backbone, images.height_px, images.width_px)
    settings["backbone"] = {"name": backbone.name, "sha256": backbone.sha256}
    key = settings_key(images=asdict(images), backbone=backbone.sha256)
    cache = TokenCache(options.output / f"tokens-{key}", images, backbone, _report)
    data, tasks = cache.training(), cache.tasks(options.real)
    real = [str(folder.resolve()) for folder in options.real]
    kept = options.output / f"cells-{settings_key(settings=settings, real=real)}"
    cells: list[Cell] = []
    for model in STUDIED:
        for seed in range(options.seeds):
            path = kept / f"{model.name.replace(' ', '_').replace(',', '')}-seed{seed}.json"
            if not path.is_file():
                write_cell(path, run_cell(model, seed, data, tasks, training))
                _report(f"{model.name}, seed {seed}")
            cells.append(read_cell(path))
    counts = {"training images": len(data.tokens), "places": len(set(data.place_ids.tolist()))}
    asked = [[t.column, len(t.database), len(t.queries), int(t.positives.answerable.sum())] for t in tasks]
    _show(write_table(options.output, cells, {**settings, **counts, "tasks: map, queries, answerable": asked}))


def _parser() -> argparse.ArgumentParser:
    images, training = StudyImages(), StudyTraining()
    parser = CommandParser("compare_papers", __doc__ or "", EXAMPLE)
    parser.add_argument("--backbone", type=Path, required=True, help="*.safetensors; only its backbone is used")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and everything kept")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each model (default 3)")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="folders with map/, query/ and gt.csv")
    parser.add_argument("--steps", type=int, default=training.steps, help=f"of training (default {training.steps})")
    parser.add_argument(
        "--places", type=int, default=training.places, help=f"places in a batch (default {training.places})"
    )
    for name, help_text in (("train_towns", "towns to train on"), ("unseen_towns", "other towns")):
        default = list(getattr(images, name))
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=int, nargs="+", default=default, help=f"seeds of {help_text} ({default})")
    for name in ("train_frames", "test_frames"):
        default = getattr(images, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default, help=f"per drive ({default})")
    parser.add_argument(
        "--radius-m", type=float, default=images.radius_m, help=f"of a correct answer ({images.radius_m:g})"
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    return parser


def _plan(options: argparse.Namespace) -> tuple[StudyImages, StudyTraining]:
    images = StudyImages(
        train_towns=tuple(options.train_towns),
        unseen_towns=tuple(options.unseen_towns),
        train_frames=options.train_frames,
        test_frames=options.test_frames,
        radius_m=options.radius_m,
    )
    return images, StudyTraining(steps=options.steps, places=options.places)


def _check_names(real: Sequence[Path]) -> None:
    names = [folder.name for folder in real]
    if len(set(names)) < len(names):
        raise ConfigError(f"--real folders of one name: {', '.join(names)}", "The name is the column: rename one")


def _report(done: str) -> None:
    Console(stderr=True).log(done)


def _show(rows: Sequence[Row]) -> None:
    header, lines = table_cells(rows)
    table = Table(title=f"recall@1 in percent of all queries, mean ± deviation over {rows[0].seeds} seeds")
    for column in header:
        options: dict[str, Any] = {"justify": "left" if column == "model" else "right"}
        table.add_column(column, **options)
    for line in lines:
        table.add_row(*line)
    Console().print(table)


def main() -> int:
    """Entry point."""
    return run_command(compare_papers)


if __name__ == "__main__":
    sys.exit(main())
