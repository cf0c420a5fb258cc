"""``compare_papers``: the papers' claims in miniature, one table: aggregations, seeds, simulated and real sets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.table import Table

from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.export.exported_model import model_of_file
from vpr_ros.inference import shipped_model_path
from vpr_ros.training.study.run import Study, run_study
from vpr_ros.training.study.table import Row, table_rows, write_tables

EXAMPLE = """  %(prog)s --output study --real sets/office_corridor --real sets/fisheye_corridor
  %(prog)s --backbone runs/nano/vpr_nano.safetensors --output study"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_compare_papers, argv)


def _parser() -> CommandParser:
    default = Study()
    parser = CommandParser("compare_papers", __doc__ or "", EXAMPLE)
    parser.add_argument(
        "--backbone",
        type=Path,
        help="checkpoint, or an fp32 export of vpr_nano; its backbone is frozen (default: the shipped vpr_nano)",
    )
    parser.add_argument("--output", type=Path, required=True, help="tokens, finished cells, the table")
    parser.add_argument("--real", type=Path, action="append", default=[], help="folder with map/, query/ and gt.csv")
    for name, what in (
        ("seeds", "runs of each row"),
        ("towns", "simulated towns to train on"),
        ("steps", "of training"),
        ("spacing_m", "between two images"),
        ("distance_m", "of each drive"),
        ("offset_m", "largest sideways offset of a drive"),
    ):
        value = getattr(default, name)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(value), default=value, help=f"{what} (default %(default)g)")
    parser.add_argument(
        "--size", type=int, nargs=2, default=default.size_px, metavar=("H", "W"), help="pixels (default 120 160)"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes every core")
    return parser


def _compare_papers(argv: Sequence[str]) -> None:
    options = _parser().parse_args(argv)
    study = Study(
        tuple(options.real),
        options.seeds,
        options.towns,
        options.steps,
        tuple(options.size),
        options.spacing_m,
        options.distance_m,
        options.offset_m,
    )
    if options.threads:
        torch.set_num_threads(options.threads)
    backbone = options.backbone or shipped_model_path()
    result = run_study(model_of_file(backbone), backbone, study, options.output, progress_bar)
    write_tables(result, options.output)
    _show(table_rows(result.cells))


def _show(rows: Sequence[Row]) -> None:
    tasks = list(rows[0].mean)
    table = Table("aggregation", "dim", *tasks, title="recall@1 in percent, mean ± deviation over the seeds")
    for row in rows:
        table.add_row(row.aggregation, str(row.descriptor_dim), *map(row.shown, tasks))
    stdout_console().print(table)


if __name__ == "__main__":
    sys.exit(main())
