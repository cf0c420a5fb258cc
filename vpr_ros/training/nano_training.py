# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``vpr_nano`` from image sequences and a dense teacher to a checkpoint; what a run folder holds is used again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.files import parse_json
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.training.dense_teacher import DenseTeacher
from vpr_ros.training.distillation import Lessons, distil
from vpr_ros.training.losses_file import LossesFile
from vpr_ros.training.nano_descriptor import fit_descriptor
from vpr_ros.training.nano_lessons import prepare_lessons
from vpr_ros.training.nano_recipe import NanoRecipe, read_recipe
from vpr_ros.training.town_views import render_views

REPORT_EVERY = 50

Tell = Callable[[str], None]
"""Called with one line about how far it is."""


@dataclass(frozen=True)
class NanoInputs:
    """What the model is made from.

    Attributes:
        recipe: YAML file, see ``NanoRecipe``.
        sequences: index of image sequences, see ``load_sequences``.
        teacher: ONNX file of a network with dense features.
    """

    recipe: Path
    sequences: Path
    teacher: Path


def train_nano(inputs: NanoInputs, output: Path, tell: Tell) -> Path:
    """Train in the run folder *output*; returns the checkpoint.

    Raises:
        ConfigError, TrainingError: recipe, images, teacher or what an earlier run left.
    """
    recipe = read_recipe(inputs.recipe)
    with new_file(output / "recipe.yaml", TrainingError) as part:
        part.write_bytes(recipe.text)
    progress = _Progress(tell)
    lessons = prepare_lessons(
        inputs.sequences,
        recipe.size_px,
        lambda: DenseTeacher(inputs.teacher, recipe.teacher["features"], recipe.teacher["reliability"]),
        output,
        progress,
    )
    model = build_model(recipe.model)
    model.backbone.load_state_dict(_backbone(lessons, recipe, output, tell))
    views = render_views(recipe.towns, recipe.size_px, lambda done, total: progress("towns", done, total))
    rendered = views.reshape(-1, *views.shape[2:])
    report = fit_descriptor(model, lessons.images, rendered, recipe.descriptor, recipe.appearance, progress)
    tell(f"assignment from {report.descriptors} local features, alpha {report.alpha:.1f}")
    checkpoint = output / f"{recipe.model.name}.safetensors"
    save_checkpoint(model.eval(), checkpoint, Recipe(inputs.recipe.name, hashlib.sha256(recipe.text).hexdigest()))
    return checkpoint


def _backbone(lessons: Lessons, recipe: NanoRecipe, folder: Path, tell: Tell) -> dict[str, torch.Tensor]:
    """Weights of the backbone an earlier run of this folder finished, or of a new one."""
    kept = folder / "student.safetensors"
    if kept.is_file():
        tell(f"taking the backbone from {kept}")
        return _read_student(kept, recipe.made_by)
    report = LossesFile(folder / "losses.csv", recipe.distillation.steps, tell)
    student = distil(lessons, recipe.distillation, recipe.appearance, report)
    weights = {name: weight.contiguous() for name, weight in student.state_dict().items()}
    with new_file(kept, TrainingError) as part:
        part.write_bytes(save(weights, {"made_by": json.dumps(recipe.made_by)}))
    return weights


def _read_student(path: Path, made_by: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Read the backbone an earlier run of this folder finished.

    Raises:
        TrainingError: it was made by another recipe.
    """
    with safe_open(path, "pt") as file:
        found = parse_json((file.metadata() or {}).get("made_by", "null"), str(path), TrainingError)
    if found != json.loads(json.dumps(made_by)):
        raise TrainingError(f"{path} was made by another recipe", "Remove it, or choose another --output")
    return load_file(path)


class _Progress:
    """Tells of every so many steps, and of the last."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def __call__(self, what: str, done: int, total: int) -> None:
        if done % REPORT_EVERY == 0 or done == total:
            self._tell(f"{what}: {done}/{total}")
