# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What ``train_nano`` is to do: a YAML file with one section per step."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.files import LARGEST_YAML_BYTES, read_bytes, read_yaml
from vpr_ros.models.config import ModelConfig
from vpr_ros.training.appearance import AppearanceRange
from vpr_ros.training.distillation import DistillationConfig
from vpr_ros.training.nano_descriptor import DescriptorFit
from vpr_ros.training.town_views import TownViews

STUDENT_SECTIONS = ("teacher", "distillation", "appearance")
"""Of the recipe: what the backbone's weights depend on."""


@dataclass(frozen=True)
class NanoRecipe:
    """The sections of a recipe, checked.

    Attributes:
        text: the file as it was read.
        model, distillation, appearance, towns, descriptor: see their classes.
        teacher: names of its outputs.
        made_by: what the backbone's weights depend on, to know them again.
    """

    text: bytes
    model: ModelConfig
    teacher: dict[str, str]
    distillation: DistillationConfig
    appearance: AppearanceRange
    towns: TownViews
    descriptor: DescriptorFit
    made_by: dict[str, Any]

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.model.preprocessing.height_px, self.model.preprocessing.width_px


def read_recipe(path: Path) -> NanoRecipe:
    """Read and check a recipe.

    Raises:
        ConfigError: the file, a section or a key is missing or unknown.
        TrainingError: a value outside its bounds.
    """
    text = _read(path)
    recipe = read_yaml(path)
    _check_sections(recipe, path)
    model = ModelConfig.from_mapping(recipe["model"])
    size_px = [model.preprocessing.height_px, model.preprocessing.width_px]
    return NanoRecipe(
        text=text,
        model=model,
        teacher=recipe["teacher"],
        distillation=_section(DistillationConfig, recipe["distillation"]),
        appearance=_section(AppearanceRange, recipe["appearance"]),
        towns=_section(TownViews, recipe["towns"]),
        descriptor=_section(DescriptorFit, recipe["descriptor"]),
        made_by={name: recipe[name] for name in STUDENT_SECTIONS} | {"size_px": size_px},
    )


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise ConfigError(f"no recipe at {path}", "Give config/recipes/vpr_nano.yaml or a copy of it")
    return read_bytes(path, LARGEST_YAML_BYTES)


def _check_sections(recipe: Any, path: Path) -> None:
    wanted = {"model", "teacher", "towns", "distillation", "appearance", "descriptor"}
    found = set(recipe) if isinstance(recipe, dict) else set()
    if found != wanted:
        raise ConfigError(f"{path} has the sections {sorted(found)}, expected {sorted(wanted)}", "Correct the recipe")


def _section(cls: type[Any], values: dict[str, Any]) -> Any:
    unknown = sorted(set(values) - {f.name for f in fields(cls)})
    if unknown:
        raise ConfigError(f"unknown keys of {cls.__name__}: {', '.join(unknown)}", "Correct the recipe")
    return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
