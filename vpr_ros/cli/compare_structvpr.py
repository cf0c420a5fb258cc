# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``compare_structvpr``: the ablation of the StructVPR paper in miniature, on simulated towns with exact labels.

Which training pairs are distilled, none to all, each with its standard error over seeds and test towns.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.table import Table

from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser, count_from_zero
from vpr_ros.training.structvpr.claims import findings, flatness
from vpr_ros.training.structvpr.miniature import MiniatureTraining
from vpr_ros.training.structvpr.study import StructVprStudy, run_structvpr_study
from vpr_ros.training.structvpr.study_table import (
    CLAIM_TITLES,
    COLUMNS,
    claim_row,
    rule_of,
    shares,
    variant_rows,
    write_tables,
)

EXAMPLE = "  %(prog)s --output study --threads 2"
OF_STUDY = (
    ("seeds", "runs of each variant"),
    ("towns", "simulated towns to train on"),
    ("test_towns", "simulated towns to measure on"),
    ("spacing_m", "between two images"),
    ("distance_m", "of each drive"),
    ("offset_m", "largest sideways offset of a drive"),
)
OF_TRAINING = (
    ("steps", "of each of the two stages"),
    ("distillation", "weight of the distillation"),
    ("threshold", "a branch is good where its rank is at most this"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_compare, argv)


def _parser() -> CommandParser:
    parser = CommandParser("compare_structvpr", __doc__ or "", EXAMPLE)
    parser.add_argument("--output", type=Path, required=True, help="images, finished cells, the tables")
    study = StructVprStudy()
    for names, defaults in ((OF_STUDY, study), (OF_TRAINING, study.training)):
        for name, what in names:
            value = getattr(defaults, name)
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=type(value), default=value, help=f"{what} (default %(default)g)")
    parser.add_argument(
        "--size", type=int, nargs=2, default=study.size_px, metavar=("H", "W"), help="pixels (default 96 128)"
    )
    parser.add_argument(
        "--threads", type=count_from_zero, default=2, help="branches trained at the same time (default 2)"
    )
    return parser


def _compare(argv: Sequence[str]) -> None:
    options = _parser().parse_args(argv)
    training = MiniatureTraining(**{name: getattr(options, name) for name, _ in OF_TRAINING})
    numbers = {name: getattr(options, name) for name, _ in OF_STUDY}
    study = StructVprStudy(**numbers, training=training, size_px=tuple(options.size))
    torch.set_num_threads(1)
    result = run_structvpr_study(study, options.output, progress_bar, max(1, options.threads))
    write_tables(result, options.output)
    console = stdout_console()
    for title, titles, rows in (
        ("recall@1 in percent, mean ± deviation of the seeds", ("distilled", *COLUMNS), variant_rows(result)),
        ("points of recall@1 ± standard error", CLAIM_TITLES, map(claim_row, findings(result.seeds))),
    ):
        table = Table(*titles, title=title)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for line in (shares(result), str(flatness(result.seeds)), rule_of(result)):
        print(line)


if __name__ == "__main__":
    sys.exit(main())
