"""``train_nano``: make the shipped model, from image sequences and a dense teacher to the exported ONNX file."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vpr_ros.core.command import run_command
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.models.config import ModelConfig
from vpr_ros.models.nano import NanoBackbone
from vpr_ros.training.appearance import AppearanceRange
from vpr_ros.training.dense_teacher import DenseTeacher
from vpr_ros.training.distillation import DistillationConfig, Lessons, distil
from vpr_ros.training.nano_descriptor import DescriptorFit, fit_descriptor
from vpr_ros.training.nano_lessons import prepare_lessons
from vpr_ros.training.town_views import TownViews, render_views

EXAMPLE = """example:
  train_nano --recipe config/recipes/vpr_nano.yaml --sequences INDEX.csv --teacher xfeat.onnx --output runs/nano
  export_model runs/nano/vpr_nano.safetensors --images FOLDER --output vpr_nano.onnx
"""
REPORT_EVERY = 50
STUDENT_SECTIONS = ("teacher", "distillation", "appearance")
"""Of the recipe: what the backbone's weights depend on."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_train, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train_nano", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", type=Path, required=True, help="YAML with model, distillation, appearance, teacher")
    parser.add_argument("--sequences", type=Path, required=True, help="INDEX.csv of image sequences (docs/datasets.md)")
    parser.add_argument("--teacher", type=Path, required=True, help="ONNX file of a network with dense features")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help="run folder; teacher's answers and a backbone already in it are used again",
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes every core")
    return parser


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


def _train(argv: Sequence[str]) -> None:
    arguments = _parser().parse_args(argv)
    recipe = _read_recipe(arguments.recipe)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "recipe.yaml").write_bytes(recipe.text)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    lessons = prepare_lessons(
        arguments.sequences,
        recipe.size_px,
        lambda: DenseTeacher(arguments.teacher, recipe.teacher["features"], recipe.teacher["reliability"]),
        arguments.output,
        _progress,
    )
    model = build_model(recipe.model)
    model.backbone.load_state_dict(_backbone(lessons, recipe, arguments.output))
    views = render_views(recipe.towns, recipe.size_px, lambda done, total: _progress("towns", done, total))
    rendered = views.reshape(-1, *views.shape[2:])
    report = fit_descriptor(model, lessons.images, rendered, recipe.descriptor, recipe.appearance, _progress)
    print(f"assignment from {report.descriptors} local features, alpha {report.alpha:.1f}")
    name = recipe.model.name
    checkpoint = arguments.output / f"{name}.safetensors"
    save_checkpoint(model.eval(), checkpoint, Recipe(arguments.recipe.name, hashlib.sha256(recipe.text).hexdigest()))
    print(f"wrote {checkpoint}; export it with\n  export_model {checkpoint} --images FOLDER --output {name}.onnx")


def _backbone(lessons: Lessons, recipe: NanoRecipe, folder: Path) -> dict[str, torch.Tensor]:
    """Weights of the backbone an earlier run of this folder finished, or of a new one."""
    kept = folder / "student.safetensors"
    if kept.is_file():
        return _read_student(kept, recipe.made_by)
    student = distil(lessons, recipe.distillation, recipe.appearance, _Reporter(folder, recipe.distillation.steps))
    weights = {name: weight.contiguous() for name, weight in student.state_dict().items()}
    save_file(weights, kept, {"made_by": json.dumps(recipe.made_by)})
    return weights


def _read_recipe(path: Path) -> NanoRecipe:
    text = _read(path)
    recipe = yaml.safe_load(text)
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
    return path.read_bytes()


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


def _read_student(path: Path, made_by: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Read the backbone an earlier run of this folder finished.

    Raises:
        TrainingError: it was made by another recipe.
    """
    with safe_open(path, "pt") as file:
        found = json.loads((file.metadata() or {}).get("made_by", "null"))
    if found != json.loads(json.dumps(made_by)):
        raise TrainingError(f"{path} was made by another recipe", "Remove it, or choose another --output")
    print(f"taking the backbone from {path}")
    return load_file(path)


def _progress(what: str, done: int, total: int) -> None:
    if done % REPORT_EVERY == 0 or done == total:
        print(f"{what}: {done}/{total}", flush=True)


class _Reporter:
    """Prints the mean loss now and then and keeps every loss on disk."""

    def __init__(self, folder: Path, steps: int) -> None:
        self._path = folder / "losses.csv"
        self._steps = steps
        self._recent: list[float] = []
        self._path.write_text("step,loss\n")

    def __call__(self, step: int, loss: float, _: NanoBackbone) -> None:
        self._recent.append(loss)
        with self._path.open("a") as stream:
            stream.write(f"{step},{loss:.6f}\n")
        if len(self._recent) == REPORT_EVERY:
            print(f"step {step + 1}/{self._steps}: loss {np.mean(self._recent):.4f}", flush=True)
            self._recent.clear()


if __name__ == "__main__":
    sys.exit(main())
