# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What ``train_nano`` is to do: a YAML file with one section per step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpr_ros.models.config import ModelConfig
from vpr_ros.training.appearance import AppearanceRange
from vpr_ros.training.distillation import DistillationConfig
from vpr_ros.training.nano_descriptor import DescriptorFit
from vpr_ros.training.recipe_sections import read_sections, section
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
    wanted = {"model", "teacher", "towns", "distillation", "appearance", "descriptor"}
    text, recipe = read_sections(path, wanted, "config/recipes/vpr_nano.yaml")
    model = ModelConfig.from_mapping(recipe["model"])
    size_px = [model.preprocessing.height_px, model.preprocessing.width_px]
    return NanoRecipe(
        text=text,
        model=model,
        teacher=recipe["teacher"],
        distillation=section(DistillationConfig, recipe["distillation"]),
        appearance=section(AppearanceRange, recipe["appearance"]),
        towns=section(TownViews, recipe["towns"]),
        descriptor=section(DescriptorFit, recipe["descriptor"]),
        made_by={name: recipe[name] for name in STUDENT_SECTIONS} | {"size_px": size_px},
    )
