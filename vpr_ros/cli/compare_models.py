"""``compare_models``: one table over several models and several evaluation sets."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonargparse
from rich.table import Table

from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.files import read_yaml
from vpr_ros.training.comparison import RANKS, ComparedModel, as_json, compare, open_model, summarise
from vpr_ros.training.image_sets import EvaluationData, RetrievalSet
from vpr_ros.training.run_folder import write_text

EXAMPLE = """  %(prog)s runs/supervlad/model.safetensors runs/netvlad/model.safetensors vpr_nano.onnx \\
      --sets sets.yaml --output comparison"""


def compare_models(argv: Sequence[str]) -> None:
    """Run the command.

    Raises:
        VprError: anything the user can mend.
    """
    parser = CommandParser("compare_models", __doc__ or "", EXAMPLE)
    parser.add_argument(
        "models", nargs="+", type=Path, help="*.onnx, *.safetensors or *.ckpt; same name and kind = other seed"
    )
    parser.add_argument("--sets", type=Path, required=True, help="YAML list of evaluation sets, as in a recipe")
    parser.add_argument("--output", type=Path, required=True, help="folder for the tables and every metrics.json")
    parser.add_argument("--batch", type=int, default=16, help="images per inference (default 16)")
    parser.add_argument("--device", default="cpu", help="where checkpoints run, e.g. cuda (default cpu)")
    options = parser.parse_args(argv)
    tasks = [data.open() for data in read_sets(options.sets)]
    rows: list[ComparedModel] = []
    for path in options.models:
        with progress_bar(path.name) as update:
            model = open_model(path, options.device)
            rows.append(compare(model, tasks, options.batch, lambda _what, done, total: update(done, total)))
    _write(rows, tasks, options.output)
    _show(rows, tasks)


def read_sets(path: Path) -> list[EvaluationData]:
    """Build the evaluation sets of a YAML file: a list of ``class_path`` and ``init_args``.

    Raises:
        ConfigError: no such file, or an entry that names no evaluation set.
    """
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--sets", type=list[EvaluationData], required=True)
    try:
        found: Any = parser.instantiate(parser.parse_object({"sets": _yaml_list(path)}))
    except (jsonargparse.ArgumentError, ValueError, TypeError) as error:
        raise ConfigError(
            f"{path} does not describe evaluation sets: {error}", "Write entries as below validation: in a recipe"
        ) from error
    sets: list[EvaluationData] = found.sets
    return sets


def _yaml_list(path: Path) -> list[Any]:
    content = read_yaml(path)
    if not isinstance(content, list) or not content:
        raise ConfigError(f"{path} holds {type(content).__name__}", "Give a YAML file with a list of sets")
    return content


def _write(rows: Sequence[ComparedModel], tasks: Sequence[RetrievalSet], output: Path) -> None:
    write_text(output / "comparison.json", json.dumps(as_json(rows, tasks), indent=2) + "\n")
    for number, row in enumerate(rows):
        for task, metrics in row.metrics.items():
            folder = output / f"{number}_{row.name}" / task
            write_text(folder / "metrics.json", json.dumps({**metrics, "model": row.file}, indent=2) + "\n")
    with (
        new_file(output / "comparison.csv", TrainingError) as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        recalls = [f"{task.name} R@{rank}" for task in tasks for rank in RANKS]
        writer.writerow(
            ["model", "variant", "file", "runtime", "dim", "parameters", "ms", "MB per 1000 images", *recalls]
        )
        for r in rows:
            values = [f"{r.recall[task.name][rank]:.2f}" for task in tasks for rank in RANKS]
            numbers = [r.descriptor_dim, r.parameters, f"{r.ms_per_image:.2f}", f"{r.mb_per_1000_images:.2f}"]
            writer.writerow([r.name, r.variant, r.file, r.runtime, *numbers, *values])


def _show(rows: Sequence[ComparedModel], tasks: Sequence[RetrievalSet]) -> None:
    table = Table(title="recall@1/5/10, percent of all queries (mean ± deviation over runs of one name)")
    for column in ("model", "runs as", "dim", "parameters", "ms", "MB/1000", *(task.name for task in tasks)):
        table.add_column(column, justify="left" if column == "model" else "right", overflow="fold")
    for summary in summarise(rows):
        first = next(row for row in rows if (row.name, row.variant) == (summary.name, summary.variant))
        cells = [
            "/".join(_with_spread(summary.mean[t.name][k], summary.deviation[t.name][k], summary.runs) for k in RANKS)
            for t in tasks
        ]
        runs = f" ({summary.runs} runs)" if summary.runs > 1 else ""
        size = (str(first.descriptor_dim), f"{first.parameters:,}", f"{first.ms_per_image:.1f}")
        table.add_row(summary.name + runs, summary.variant, *size, f"{first.mb_per_1000_images:.2f}", *cells)
    stdout_console().print(table)


def _with_spread(mean: float, deviation: float, runs: int) -> str:
    return f"{mean:.1f}" if runs == 1 else f"{mean:.1f}±{deviation:.1f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(compare_models, argv)


if __name__ == "__main__":
    sys.exit(main())
