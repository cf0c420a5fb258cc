# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Give a trained model a local head: recipe, images and teacher to a checkpoint with keypoints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models.build import build_model
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.models.config import LocalHeadConfig
from vpr_ros.models.keypoint_head import KeypointHead
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.sources.image_file import read_image
from vpr_ros.training.appearance import AppearanceRange
from vpr_ros.training.local_head.distillation import LocalTraining, distil_head
from vpr_ros.training.local_head.teacher import KeypointTeacher
from vpr_ros.training.local_head.windows import read_images, windows
from vpr_ros.training.losses_file import LossesFile
from vpr_ros.training.recipe_sections import read_sections, section

EXAMPLE_RECIPE = "config/recipes/local_head.yaml"

Tell = Callable[[str], None]
"""Called with one line about how far it is."""


@dataclass(frozen=True)
class LocalHeadRecipe:
    """The sections of a recipe, checked.

    Attributes:
        text: the file as it was read.
        head: see ``KeypointHead``.
        teacher: names of its outputs, see ``KeypointTeacher``.
        training, appearance: see their classes.
    """

    text: bytes
    head: LocalHeadConfig
    teacher: dict[str, str]
    training: LocalTraining
    appearance: AppearanceRange

    @classmethod
    def read(cls, path: Path) -> LocalHeadRecipe:
        """Read and check a recipe.

        Raises:
            ConfigError: the file, a section or a key is missing or unknown.
        """
        text, recipe = read_sections(path, {"head", "teacher", "training", "appearance"}, EXAMPLE_RECIPE)
        teacher = recipe["teacher"]
        wanted = {"keypoints", "features", "reliability"}
        if not isinstance(teacher, dict) or set(teacher) != wanted:
            raise ConfigError(f"{path}: teacher is {teacher!r}", f"Name its outputs: {', '.join(sorted(wanted))}")
        head = recipe["head"]
        if not isinstance(head, dict):
            raise ConfigError(f"{path}: head is {head!r}", "Give its options, such as keypoints: 600")
        return cls(
            text,
            LocalHeadConfig("keypoints", head),
            {name: str(output) for name, output in teacher.items()},
            section(LocalTraining, recipe["training"]),
            section(AppearanceRange, recipe["appearance"]),
        )


@dataclass(frozen=True, eq=False)
class LocalHeadInputs:
    """What a head is made from.

    Attributes:
        model: trained; a local head that it has is replaced.
        made_by: the recipe of *model*, empty where it is unknown.
        recipe: YAML file, see ``LocalHeadRecipe``.
        sequences: index of image sequences, see ``sequence_files``.
        teacher: ONNX file, see ``KeypointTeacher``.
    """

    model: PlaceModel
    made_by: str
    recipe: Path
    sequences: Path
    teacher: Path


def train_local_head(inputs: LocalHeadInputs, output: Path, tell: Tell) -> Path:
    """Train in the run folder *output*; returns the checkpoint of the model with its new head.

    Raises:
        ConfigError, TrainingError: which of the inputs cannot be used, and why.
    """
    recipe = LocalHeadRecipe.read(inputs.recipe)
    torch.manual_seed(recipe.training.seed)
    model = with_new_head(inputs.model, recipe.head)
    head = model.local_head
    learns_descriptors = any(True for _ in head.describe.parameters())
    taught = KeypointTeacher(inputs.teacher, recipe.teacher, dense=learns_descriptors)
    if taught.features not in (None, head.dim):
        raise ConfigError(
            f"the recipe asks for descriptors of dim={head.dim}, the teacher's features have {taught.features} numbers",
            f"Choose dim: {taught.features}, or name another output as features",
        )
    with new_file(output / "recipe.yaml", TrainingError) as part:
        part.write_bytes(recipe.text)
    photographs = read_images(inputs.sequences, read_image)
    tell(f"{len(photographs)} images; {sum(p.numel() for p in head.parameters())} weights learn")
    size, training = model.config.preprocessing, recipe.training
    batches = windows(photographs, (size.height_px, size.width_px), training.scales, training.batch_size, training.seed)
    losses = LossesFile(output / "losses.csv", training.steps, tell)
    distil_head(model, head, batches, taught, training, recipe.appearance, losses)
    checkpoint = output / f"{model.config.name}.safetensors"
    both = f"{inputs.made_by} + {inputs.recipe.name}".removeprefix(" + ")
    save_checkpoint(model, checkpoint, Recipe(both, hashlib.sha256(recipe.text).hexdigest()))
    return checkpoint


def with_new_head(old: PlaceModel, head: LocalHeadConfig) -> PlaceModel:
    """The same model with a local head of random weights.

    Raises:
        ConfigError: a head that does not go with its backbone.
    """
    config = replace(old.config, local_head=head, backbone=replace(old.config.backbone, pretrained=False))
    model = build_model(config)
    weights = {name: value for name, value in old.state_dict().items() if not name.startswith("local_head.")}
    fresh = {name: value for name, value in model.state_dict().items() if name.startswith("local_head.")}
    model.load_state_dict({**weights, **fresh}, strict=True)
    if not isinstance(model.local_head, KeypointHead):
        raise ConfigError(f"a local head called {head.name}", "Choose keypoints")
    return model.eval()
