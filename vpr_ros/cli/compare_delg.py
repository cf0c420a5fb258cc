# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``compare_delg``: the claims of the DELG paper in miniature, on simulated towns, each with its standard error."""

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
from vpr_ros.core.hashing import file_sha256
from vpr_ros.export.exported_model import model_of_file
from vpr_ros.inference import shipped_model_path
from vpr_ros.training.delg.study import DelgStudy, run_delg_study
from vpr_ros.training.delg.study_table import claim_row, study_findings, write_tables

EXAMPLE = "  %(prog)s --output study --seeds 5"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(compare_delg, argv)


def compare_delg(argv: Sequence[str]) -> None:
    """Run the command.

    Raises:
        VprError: anything the user can mend.
    """
    options = _parser().parse_args(argv)
    study = DelgStudy(
        options.seeds,
        options.towns,
        options.steps,
        options.checked,
        tuple(options.size),
        options.spacing_m,
        options.distance_m,
    )
    if options.threads:
        torch.set_num_threads(options.threads)
    trunk = shipped_model_path()
    start = model_of_file(trunk).backbone.state_dict()
    result = run_delg_study(start, file_sha256(trunk), study, options.output, progress_bar)
    write_tables(result, options.output)
    table = Table(
        "claim", "paper", "difference", "verdict", title="points of mAP, paired by seed and query ± standard error"
    )
    for finding in study_findings(result):
        table.add_row(*claim_row(finding))
    stdout_console().print(table)


def _parser() -> CommandParser:
    default = DelgStudy()
    parser = CommandParser("compare_delg", __doc__ or "", EXAMPLE)
    parser.add_argument("--output", type=Path, required=True, help="images, finished cells, the tables")
    for name, what in (
        ("seeds", "runs of each variant"),
        ("towns", "simulated towns to train on"),
        ("steps", "of training"),
        ("checked", "candidates that are re-ranked"),
        ("spacing_m", "between two images"),
        ("distance_m", "of each drive"),
    ):
        value = getattr(default, name)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(value), default=value, help=f"{what} (default %(default)g)")
    parser.add_argument(
        "--size", type=int, nargs=2, default=default.size_px, metavar=("H", "W"), help="pixels (default 180 240)"
    )
    parser.add_argument("--threads", type=count_from_zero, default=0, help="CPU threads; 0 takes every core")
    return parser


if __name__ == "__main__":
    sys.exit(main())
