"""``train_nano``: make the shipped model, from image sequences and a dense teacher to the exported ONNX file."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from vpr_ros.core.command import program, run_command
from vpr_ros.core.disk import new_file, writing
from vpr_ros.core.errors import TrainingError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.models.nano import NanoBackbone
from vpr_ros.training.dense_teacher import DenseTeacher
from vpr_ros.training.distillation import Lessons, distil
from vpr_ros.training.nano_descriptor import fit_descriptor
from vpr_ros.training.nano_lessons import prepare_lessons
from vpr_ros.training.nano_recipe import NanoRecipe, read_recipe
from vpr_ros.training.town_views import render_views

EXAMPLE = """example:
  %(prog)s --recipe config/recipes/vpr_nano.yaml --sequences INDEX.csv --teacher xfeat.onnx --output runs/nano
  vpr_ros export_model runs/nano/vpr_nano.safetensors --images FOLDER --output vpr_nano.onnx
"""
REPORT_EVERY = 50


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_train, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("train_nano"),
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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


def _train(argv: Sequence[str]) -> None:
    arguments = _parser().parse_args(argv)
    recipe = read_recipe(arguments.recipe)
    with new_file(arguments.output / "recipe.yaml", TrainingError) as part:
        part.write_bytes(recipe.text)
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
    export = f"{program('export_model')} {checkpoint} --images FOLDER --output {name}.onnx"
    print(f"wrote {checkpoint}; export it with\n  {export}")


def _backbone(lessons: Lessons, recipe: NanoRecipe, folder: Path) -> dict[str, torch.Tensor]:
    """Weights of the backbone an earlier run of this folder finished, or of a new one."""
    kept = folder / "student.safetensors"
    if kept.is_file():
        return _read_student(kept, recipe.made_by)
    student = distil(lessons, recipe.distillation, recipe.appearance, _Reporter(folder, recipe.distillation.steps))
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
        with writing(self._path, TrainingError):
            self._path.write_text("step,loss\n")

    def __call__(self, step: int, loss: float, _: NanoBackbone) -> None:
        self._recent.append(loss)
        with writing(self._path, TrainingError), self._path.open("a") as stream:
            stream.write(f"{step},{loss:.6f}\n")
        if len(self._recent) == REPORT_EVERY:
            print(f"step {step + 1}/{self._steps}: loss {np.mean(self._recent):.4f}", flush=True)
            self._recent.clear()


if __name__ == "__main__":
    sys.exit(main())
