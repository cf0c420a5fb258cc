"""``compare_models``: one table over several models and several evaluation sets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.training.comparison import RANKS, ComparedModel, compare_files, summarise
from vpr_ros.training.comparison_tables import write_tables
from vpr_ros.training.image_sets import RetrievalSet
from vpr_ros.training.recipe_files import read_sets

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
    rows = compare_files(options.models, tasks, options.device, options.batch, progress_bar)
    write_tables(rows, tasks, options.output)
    _show(rows, tasks)


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
