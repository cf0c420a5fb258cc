# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``compare_precision``: a recipe trained from the same seeds in its published numbers and in others, by recall@1.

Finished runs stay in --output and are not trained again; a killed one goes on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.disk import write_text
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.training.precision_runs import PUBLISHED, PrecisionFinding, compare_precision, hits, train_in
from vpr_ros.training.recipe_files import read_recipe

EXAMPLE = "  %(prog)s my_recipe.yaml --precision bf16-mixed --seeds 3 --output study"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_compare, argv)


def _compare(argv: Sequence[str]) -> None:
    parser = CommandParser("compare_precision", __doc__ or "", EXAMPLE)
    parser.add_argument("recipe", type=Path, help="a metric-learning recipe, its data sets where it says")
    parser.add_argument("--precision", default="bf16-mixed", help="set beside 32-true (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="runs of each (%(default)s)")
    parser.add_argument("--within", type=float, default=0.5, metavar="POINTS", help="that may be lost (%(default)s)")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="keeps runs and the result")
    options = parser.parse_args(argv)
    if options.seeds < 2:
        raise ConfigError(f"--seeds is {options.seeds}, expected at least 2", "One run says nothing of chance")
    _, data = read_recipe(options.recipe, {})
    tasks, device = data.validation_sets, "cuda" if torch.cuda.is_available() else "cpu"
    figures: dict[tuple[str, str], list[np.ndarray]] = {}
    for seed in range(options.seeds):
        for precision in (PUBLISHED, options.precision):
            model = train_in(options.recipe, precision, seed, options.output)
            for task in tasks:
                figures.setdefault((task.name, precision), []).append(hits(model, task, data.loader, device))
    found = [
        compare_precision(
            options.precision,
            task.name,
            np.stack(figures[task.name, PUBLISHED]),
            np.stack(figures[task.name, options.precision]),
            options.within,
        )
        for task in tasks
    ]
    report = [{**asdict(finding), "within": options.within, "device": device} for finding in found]
    write_text(options.output / "precision.json", json.dumps(report, indent=2) + "\n", TrainingError)
    print("\n".join(_line(finding, options.within) for finding in found))


def _line(finding: PrecisionFinding, within: float) -> str:
    before, after = (" ".join(f"{mean:.1f}" for mean in means) for means in (finding.published, finding.found))
    return (
        f"{finding.task}: recall@1 {before} in {PUBLISHED}, {after} in {finding.precision}; loses "
        f"{finding.loss.mean:.2f} ± {finding.loss.error:.2f} points; at most {within:g}: {finding.verdict}"
    )


if __name__ == "__main__":
    sys.exit(main())
