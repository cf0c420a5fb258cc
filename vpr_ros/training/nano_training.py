"""``vpr_nano`` from image sequences and a dense teacher to a checkpoint; what a run folder holds is used again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from vpr_ros.core.disk import new_file, writing
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.files import parse_json
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.models.nano import NanoBackbone
from vpr_ros.training.dense_teacher import DenseTeacher
from vpr_ros.training.distillation import Lessons, distil
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
    report = _Losses(folder / "losses.csv", recipe.distillation.steps, tell)
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


class _Losses:
    """Tells the mean loss now and then and keeps every loss on disk."""

    def __init__(self, path: Path, steps: int, tell: Tell) -> None:
        self._path = path
        self._steps = steps
        self._tell = tell
        self._recent: list[float] = []
        with writing(path, TrainingError):
            path.write_text("step,loss\n")

    def __call__(self, step: int, loss: float, _: NanoBackbone) -> None:
        self._recent.append(loss)
        with writing(self._path, TrainingError), self._path.open("a") as stream:
            stream.write(f"{step},{loss:.6f}\n")
        if len(self._recent) == REPORT_EVERY:
            self._tell(f"step {step + 1}/{self._steps}: loss {np.mean(self._recent):.4f}")
            self._recent.clear()
