# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``compare_papers``: the papers' claims in miniature, one table: aggregations, seeds, simulated and real sets."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.table import Table

from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser, count_from_zero
from vpr_ros.export.exported_model import model_of_file
from vpr_ros.inference import shipped_model_path
from vpr_ros.training.study.cell import Cell
from vpr_ros.training.study.claims import findings
from vpr_ros.training.study.run import Study, run_study
from vpr_ros.training.study.table import CLAIM_TITLES, claim_row, rule_of, table_rows, write_tables

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
        ("towns", "simulated towns to train on, by day"),
        ("test_towns", "simulated towns to measure on, by day, at night and in snow"),
        ("steps", "of training"),
        ("spacing_m", "between two images"),
        ("distance_m", "of each drive"),
        ("offset_m", "largest sideways offset of a drive"),
    ):
        value = getattr(default, name)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(value), default=value, help=f"{what} (default %(default)g)")
    parser.add_argument(
        "--size", type=int, nargs=2, default=default.size_px, metavar=("H", "W"), help="pixels (default 96 128)"
    )
    parser.add_argument(
        "--threads", type=count_from_zero, default=0, help="rows trained side by side; 0 takes every core"
    )
    return parser


def _compare_papers(argv: Sequence[str]) -> None:
    options = _parser().parse_args(argv)
    study = Study(
        real=tuple(options.real),
        seeds=options.seeds,
        towns=options.towns,
        test_towns=options.test_towns,
        steps=options.steps,
        size_px=tuple(options.size),
        spacing_m=options.spacing_m,
        distance_m=options.distance_m,
        offset_m=options.offset_m,
    )
    torch.set_num_threads(1)  # the matrices are small: a row on each core is faster than a row on all of them
    threads = options.threads or os.cpu_count() or 1
    backbone = options.backbone or shipped_model_path()
    result = run_study(model_of_file(backbone), backbone, study, options.output, progress_bar, threads)
    write_tables(result, options.output)
    _show(result.cells)


def _show(cells: Sequence[Cell]) -> None:
    console = stdout_console()
    rows = table_rows(cells)
    columns = list(rows[0].mean)
    table = Table("aggregation", "dim", *columns, title="recall@1 in percent, mean ± deviation over the seeds")
    for row in rows:
        table.add_row(row.aggregation, str(row.descriptor_dim), *map(row.shown, columns))
    console.print(table)
    claims = Table(*CLAIM_TITLES, title="points of recall@1 ± standard error")
    for finding in findings(cells):
        claims.add_row(*claim_row(finding))
    console.print(claims)
    console.print(rule_of(cells))


if __name__ == "__main__":
    sys.exit(main())
