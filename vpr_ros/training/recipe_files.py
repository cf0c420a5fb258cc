# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""YAML files that name classes and their arguments, built outside a trainer: a recipe's parts, and evaluation sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonargparse
import lightning

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.files import read_yaml
from vpr_ros.training.image_sets import EvaluationData
from vpr_ros.training.metric_learning import MetricLearning, PlaceDataModule


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


def recipe_precision(path: Path) -> str:
    """In which numbers the recipe trains: its ``trainer.precision``, or Lightning's default."""
    trainer = read_yaml(path).get("trainer") or {}
    return str(trainer.get("precision") or "32-true")


def _without_download(recipe: Any) -> Any:
    """Random weights train as fast as published ones."""
    recipe["model"]["init_args"]["model"]["backbone"]["pretrained"] = False
    return recipe


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
