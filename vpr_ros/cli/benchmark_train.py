"""``benchmark_train``: a recipe's data loading and step beside the bare step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import lightning

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.files import read_yaml
from vpr_ros.training.metric_learning import MetricLearning, PlaceDataModule
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


def read_recipe(path: Path, overrides: dict[str, Any]) -> tuple[MetricLearning, PlaceDataModule]:
    """Build the module and the data of a recipe.

    Raises:
        ConfigError: no such file, or no metric-learning recipe.
    """
    jsonargparse.set_parsing_settings(instantiate_subclass_spec_in_any=False)  # the trainer section stays as it is
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--seed_everything", type=int | bool)
    parser.add_argument("--trainer", type=dict[str, Any])
    parser.add_subclass_arguments(lightning.LightningModule, "model")
    parser.add_subclass_arguments(lightning.LightningDataModule, "data")
    try:
        parsed = parser.parse_object(_without_download(read_yaml(path)))
        for key, value in overrides.items():
            parsed[key] = value
        built: Any = parser.instantiate(parsed)
    except (jsonargparse.ArgumentError, TypeError, KeyError) as error:
        raise ConfigError(f"{path} is no recipe: {error}", "Give a file of config/recipes") from error
    if not isinstance(built.model, MetricLearning) or not isinstance(built.data, PlaceDataModule):
        raise ConfigError(
            f"{path} trains {type(built.model).__name__} on {type(built.data).__name__}",
            "Only MetricLearning on PlaceDataModule is timed",
        )
    return built.model, built.data


def _without_download(recipe: Any) -> Any:
    """Random weights train as fast as published ones."""
    recipe["model"]["init_args"]["model"]["backbone"]["pretrained"] = False
    return recipe


if __name__ == "__main__":
    raise SystemExit(main())
