"""``compare_delg``: the claims of the DELG paper in miniature, on simulated towns, each with its standard error."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from vpr_ros.cli.compare_papers import CONDITIONS, OTHER_TOWN, open_backbone
from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.files import parse_json, read_text
from vpr_ros.inference import shipped_model_path
from vpr_ros.training.datasets.towns import TownDrives, TownPlaces, TownRetrieval
from vpr_ros.training.delg.claims import Finding, Way, findings
from vpr_ros.training.delg.kept_images import KeptImages
from vpr_ros.training.delg.miniature import VARIANTS, MiniatureTraining, train_variant
from vpr_ros.training.delg.miniature_evaluation import TaskImages, by_query, evaluate_variant
from vpr_ros.training.image_sets import RetrievalSet
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.run_folder import write_text

ASKED = (("day", "day"), ("night", "night"), ("winter", "season"))
"""Conditions of the queries, and what the task is called."""
EXAMPLE = "  %(prog)s --output study"


def compare_delg(argv: Sequence[str]) -> None:
    """Run the command.

    Raises:
        VprError: anything the user can mend.
    """
    options = _parser().parse_args(argv)
    if min(options.seeds, options.towns, options.steps, options.checked) < 1:
        raise ConfigError("--seeds, --towns, --steps and --checked count from 1", "Leave them at their defaults")
    if options.threads:
        torch.set_num_threads(options.threads)
    settings = {
        "trunk_sha256": hashlib.sha256(shipped_model_path().read_bytes()).hexdigest(),
        **{name: getattr(options, name) for name in ("towns", "steps", "checked", "spacing_m", "distance_m")},
        "size": list(options.size),
    }
    run = options.output / hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    cells = list(_cells(options, run))
    found = findings([_ways(seed) for seed in cells])
    report = {"settings": settings, "findings": [asdict(finding) for finding in found], "seeds": cells}
    write_text(options.output / "comparison.json", json.dumps(report, indent=2))
    write_text(options.output / "comparison.md", _markdown(found, cells))
    _show(found)


def _parser() -> CommandParser:
    parser = CommandParser("compare_delg", __doc__ or "", EXAMPLE)
    parser.add_argument("--output", type=Path, required=True, help="images, finished cells, the tables")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each variant (default 3)")
    parser.add_argument("--towns", type=int, default=6, help="simulated towns to train on (default 6)")
    parser.add_argument("--steps", type=int, default=200, help="of training (default 200)")
    parser.add_argument("--checked", type=int, default=10, help="candidates that are re-ranked (default 10)")
    parser.add_argument("--size", type=int, nargs=2, default=(180, 240), metavar=("H", "W"), help="pixels (180 240)")
    parser.add_argument("--spacing-m", type=float, default=5.0, help="between two images (default 5)")
    parser.add_argument("--distance-m", type=float, default=400.0, help="of each drive (default 400)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes every core")
    return parser


def _cells(options: argparse.Namespace, run: Path) -> Iterator[dict[str, Any]]:
    """Yield what each seed found: variant -> its figures; those on disk are taken from there."""
    drives = TownDrives(options.spacing_m, options.distance_m, options.size[1], options.size[0], lateral_offset_m=1.5)
    kept = KeptImages(run / "images")
    images, labels = _training(kept, drives, options.towns)
    database, tasks = _tasks(kept, drives)
    start = open_backbone(shipped_model_path()).backbone.state_dict()
    training = MiniatureTraining(steps=options.steps)
    for seed in range(options.seeds):
        cell: dict[str, Any] = {}
        for number, (name, variant) in enumerate(VARIANTS.items()):
            file = run / "cells" / f"{number}_{seed}.json"
            if not file.is_file():
                with progress_bar(f"{name}, seed {seed}: training") as update:
                    trained = train_variant(variant, seed, start, images, labels, training, update)
                with progress_bar(f"{name}, seed {seed}: evaluation") as update:
                    found = evaluate_variant(trained, database, tasks, images, options.checked, update)
                losses = [trained.first_loss, trained.last_loss]
                write_text(file, json.dumps({"ap": found, "losses": losses, "sparsity": trained.sparsity}))
            cell[name] = parse_json(read_text(file, TrainingError), str(file), TrainingError)
        yield cell


def _training(kept: KeptImages, drives: TownDrives, towns: int) -> tuple[Any, Any]:
    images, labels, start = [], [], 0
    for seed in range(towns):  # one after the other: a town keeps its painted textures while it lives
        places = TownPlaces((seed,), CONDITIONS, drives, PlaceGrid(cell_m=10.0)).open()
        with progress_bar(f"training town {seed}") as update:
            images.append(kept.of(f"train_{seed}", places.images, update))
        numbers = np.unique(places.place_ids, return_inverse=True)[1].reshape(-1)
        labels.append(numbers + start)
        start += int(numbers.max()) + 1
    return np.concatenate(images), np.concatenate(labels).astype(np.int64)


def _tasks(kept: KeptImages, drives: TownDrives) -> tuple[Any, list[TaskImages]]:
    """The database, a drive by day through a town never seen, and queries of three other drives."""
    sets = [
        _set(conditions, drives, name)
        for conditions, name in (("day", "day"), ("night", "night"), ("winter", "season"))
    ]
    with progress_bar("database") as update:
        database = kept.of("database", sets[0].database, update)  # the same drive for all
    tasks = []
    for task in sets:
        with progress_bar(task.name) as update:
            tasks.append(TaskImages(task.name, kept.of(f"queries_{task.name}", task.queries, update), task.positives))
    return database, tasks


def _set(conditions: str, drives: TownDrives, name: str) -> RetrievalSet:
    return TownRetrieval(OTHER_TOWN, "day", conditions, drives, name=name).open().checked()


def _ways(cell: Mapping[str, Any]) -> dict[Way, Any]:
    return {
        Way(variant, described): by_query(precisions)
        for variant, figures in cell.items()
        for described, precisions in figures["ap"].items()
    }


def _markdown(found: Sequence[Finding], cells: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| claim | paper | difference | verdict |", "|---|---|---|---|"]
    lines += [
        f"| {f.claim.text} | {f.claim.paper} | {f.difference:+.1f} ± {f.error:.1f} | {f.verdict} |" for f in found
    ]
    tasks = list(next(iter(cells[0]["published"]["ap"].values())))
    lines += [
        "",
        f"| variant | described by | {' | '.join(tasks)} | zeros inside, last |",
        "|---" * (3 + len(tasks)) + "|",
    ]
    for variant, figures in cells[0].items():
        zeros = ", ".join(f"{100 * np.mean([c[variant]['sparsity'][i] for c in cells]):.0f} %" for i in (0, 1))
        for described in figures["ap"]:
            shown = [_spread([float(np.nanmean(c[variant]["ap"][described][task])) for c in cells]) for task in tasks]
            lines.append(f"| {variant} | {described} | {' | '.join(shown)} | {zeros} |")
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def _show(found: Sequence[Finding]) -> None:
    table = Table(
        "claim", "paper", "difference", "verdict", title="points of mAP, paired by seed and query ± standard error"
    )
    for finding in found:
        shown = f"{finding.difference:+.1f} ± {finding.error:.1f}"
        table.add_row(finding.claim.text, finding.claim.paper or "-", shown, finding.verdict)
    stdout_console().print(table)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(compare_delg, argv)


if __name__ == "__main__":
    sys.exit(main())
