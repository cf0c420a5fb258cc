"""``train_nano``: make the shipped model, from image sequences and a dense teacher to the exported ONNX file."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from vpr_ros.core.command import run_command
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.models.config import ModelConfig
from vpr_ros.models.initialise import initialise_assignment
from vpr_ros.models.nano import NanoBackbone
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.sources.image_file import read_image
from vpr_ros.training.appearance import AppearanceRange
from vpr_ros.training.dense_teacher import DenseTeacher, teach
from vpr_ros.training.distillation import DistillationConfig, Lessons, distil
from vpr_ros.training.layout_basis import fit_layout
from vpr_ros.training.sequence_images import load_sequences

EXAMPLE = """example:
  train_nano --recipe config/recipes/vpr_nano.yaml --sequences INDEX.csv --teacher xfeat.onnx --output runs/nano
  export_model runs/nano/vpr_nano.safetensors --images FOLDER --output vpr_nano.onnx
"""
REPORT_EVERY = 50


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
    parser.add_argument("--output", type=Path, required=True, help="run folder; lessons already in it are used again")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 takes every core")
    return parser


def _train(argv: Sequence[str]) -> None:
    arguments = _parser().parse_args(argv)
    recipe_bytes = _read(arguments.recipe)
    recipe = yaml.safe_load(recipe_bytes)
    _check_sections(recipe, arguments.recipe)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "recipe.yaml").write_bytes(recipe_bytes)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    config = ModelConfig.from_mapping(recipe["model"])
    distillation = _section(DistillationConfig, {**recipe["distillation"]})
    appearance = _section(AppearanceRange, recipe["appearance"])

    lessons = _lessons(arguments, recipe["teacher"], config)
    model = build_model(config)
    student = distil(lessons, distillation, appearance, _Reporter(arguments.output / "losses.csv", distillation.steps))
    model.backbone.load_state_dict(student.state_dict())
    _fit_aggregation(model, lessons, recipe["layout"], distillation.seed)
    checkpoint = arguments.output / f"{config.name}.safetensors"
    save_checkpoint(model.eval(), checkpoint, Recipe(arguments.recipe.name, hashlib.sha256(recipe_bytes).hexdigest()))
    print(
        f"wrote {checkpoint}; export it with\n  export_model {checkpoint} --images FOLDER --output {config.name}.onnx"
    )


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise ConfigError(f"no recipe at {path}", "Give config/recipes/vpr_nano.yaml or a copy of it")
    return path.read_bytes()


def _check_sections(recipe: Any, path: Path) -> None:
    wanted = {"model", "distillation", "appearance", "teacher", "layout"}
    found = set(recipe) if isinstance(recipe, dict) else set()
    if found != wanted:
        raise ConfigError(f"{path} has the sections {sorted(found)}, expected {sorted(wanted)}", "Correct the recipe")


def _section(cls: type[Any], values: dict[str, Any]) -> Any:
    unknown = sorted(set(values) - {f.name for f in fields(cls)})
    if unknown:
        raise ConfigError(f"unknown keys of {cls.__name__}: {', '.join(unknown)}", "Correct the recipe")
    return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def _lessons(arguments: argparse.Namespace, outputs: dict[str, str], config: ModelConfig) -> Lessons:
    """Read the images; ask the teacher, unless an earlier run of this folder did."""
    size = config.preprocessing
    images = load_sequences(arguments.sequences, (size.height_px, size.width_px), read_image)
    grid = NanoBackbone().grid(size.height_px, size.width_px)
    kept = [arguments.output / name for name in ("teacher_features.npy", "teacher_reliability.npy")]
    if all(file.is_file() for file in kept):
        features, reliability = (np.load(file, mmap_mode="r", allow_pickle=False) for file in kept)
        if features.shape[0] != len(images) or features.shape[2:] != grid:
            raise TrainingError(
                f"{kept[0]} is of {features.shape[0]} images on a grid {features.shape[2:]}, "
                f"the sequences give {len(images)} on {grid}",
                "Remove it, or choose another --output",
            )
        return Lessons(images, features, reliability)
    teacher = DenseTeacher(arguments.teacher, outputs["features"], outputs["reliability"])
    features, reliability = teach(teacher, images, grid, _progress)
    for file, array in zip(kept, (features, reliability), strict=True):
        np.save(file, array, allow_pickle=False)
    return Lessons(images, features, reliability)


def _fit_aggregation(model: PlaceModel, lessons: Lessons, layout: dict[str, float], seed: int) -> None:
    """Words and layout basis come from the training images: nothing is ever fitted on a user's map."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(lessons.images))[: int(layout["images"])])
    batches = [
        torch.from_numpy(lessons.images[chosen[i : i + 16]]).permute(0, 3, 1, 2).float() / 255.0
        for i in range(0, len(chosen), 16)
    ]
    report = initialise_assignment(model, batches, seed=seed)
    fit_layout(model, batches, share=float(layout["share"]))
    print(f"assignment from {report.descriptors} local features, alpha {report.alpha:.1f}")


def _progress(done: int, total: int) -> None:
    if done % 200 == 0 or done == total:
        print(f"teacher: {done}/{total} images", flush=True)


class _Reporter:
    """Prints the mean loss now and then and keeps every loss on disk."""

    def __init__(self, path: Path, steps: int) -> None:
        self._path = path
        self._steps = steps
        self._recent: list[float] = []
        path.write_text("step,loss\n")

    def __call__(self, step: int, loss: float, _: NanoBackbone) -> None:
        self._recent.append(loss)
        with self._path.open("a") as stream:
            stream.write(f"{step},{loss:.6f}\n")
        if len(self._recent) == REPORT_EVERY:
            print(f"step {step + 1}/{self._steps}: loss {np.mean(self._recent):.4f}", flush=True)
            self._recent.clear()


if __name__ == "__main__":
    sys.exit(main())
