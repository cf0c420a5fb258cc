# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``benchmark_train``: a recipe's data loading and step beside the bare step, and what of the chip both use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.training.precision import TIMED
from vpr_ros.training.recipe_files import read_recipe, recipe_precision
from vpr_ros.training.throughput import Workload, measure_throughput
from vpr_ros.training.throughput_report import throughput_lines, throughput_report

EXAMPLE = "  %(prog)s config/recipes/gem.yaml --steps 20"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(benchmark_train, argv)


def benchmark_train(argv: Sequence[str]) -> None:
    """Run the command.

    Raises:
        VprError: anything the user can mend.
    """
    parser = CommandParser("benchmark_train", __doc__ or "", EXAMPLE)
    parser.add_argument("recipe", type=Path, help="a metric-learning recipe")
    parser.add_argument("--steps", type=int, default=20, help="steps timed of each kind (default 20)")
    parser.add_argument("--workers", type=int, help="other than the recipe's")
    parser.add_argument("--places", type=int, help="places per batch, other than the recipe's")
    parser.add_argument("--device", default="cpu", help="e.g. cuda (default cpu)")
    parser.add_argument("--precision", choices=TIMED, help="other than the recipe's trainer.precision")
    parser.add_argument("--compile", metavar="BACKEND", help="torch.compile with it, e.g. inductor")
    parser.add_argument("--fused", action="store_true", help="the optimiser's fused kernel")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    overrides = {
        "data.init_args.loader.workers": options.workers,
        "data.init_args.batch.places": options.places,
        "model.init_args.compile": options.compile,
        "model.init_args.optimiser.fused": options.fused or None,
    }
    module, data = read_recipe(options.recipe, {key: value for key, value in overrides.items() if value is not None})
    precision = options.precision or recipe_precision(options.recipe)
    workload = Workload(data.places, data.batch, data.loader, data.augmentation, data.train_size_px)
    result = measure_throughput(module.to(options.device), workload, options.steps, precision)
    if options.json:
        print(json.dumps(throughput_report(result, precision)))
    else:
        print("\n".join(throughput_lines(result, precision)))


if __name__ == "__main__":
    raise SystemExit(main())
