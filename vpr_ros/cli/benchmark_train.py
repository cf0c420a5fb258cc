"""``benchmark_train``: a recipe's data loading and step beside the bare step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.training.recipe_files import read_recipe
from vpr_ros.training.throughput import Workload, measure_throughput

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
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    overrides = {
        "data.init_args.loader.workers": options.workers,
        "data.init_args.batch.places": options.places,
    }
    module, data = read_recipe(options.recipe, {key: value for key, value in overrides.items() if value is not None})
    workload = Workload(data.places, data.batch, data.loader, data.augmentation, data.train_size_px)
    result = measure_throughput(module.to(options.device), workload, options.steps)
    if options.json:
        numbers = {"training_images_s": result.training_images_s, "bare_images_s": result.bare_images_s}
        print(json.dumps({**numbers, "ratio": result.ratio}))
    else:
        print(f"data loading + step  {result.training_images_s:8.1f} images/s")
        print(f"bare step            {result.bare_images_s:8.1f} images/s")
        print(f"ratio                {result.ratio:8.3f}   (aim: 0.90 or more)")


if __name__ == "__main__":
    raise SystemExit(main())
