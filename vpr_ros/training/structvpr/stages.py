# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The two stages of a StructVPR recipe as runs of the trainer, one after the other.

::

    RUN/recipe.yaml        the recipe, which a run keeps to
    RUN/teacher.yaml       each stage as a recipe of `train fit`, with what the stages before made filled in
    RUN/teacher/           run folders: the SEG branch by itself,
    RUN/student/           the student by itself,
    RUN/distilled/         the student with its teacher; model.safetensors is the result
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from vpr_ros.core.disk import new_file, write_text
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.files import LARGEST_YAML_BYTES, read_bytes, read_yaml

TEACHER, STUDENT, DISTILLED = "teacher", "student", "distilled"
STAGES: Final = (TEACHER, STUDENT, DISTILLED)
SHARED: Final = "shared"
"""A section for YAML anchors."""
EXAMPLE_RECIPE: Final = "config/recipes/structvpr_pitts30k.yaml"
RESULT: Final = "model.safetensors"

Fit = Callable[[Sequence[str]], None]
"""Runs `train` with these arguments."""


def run_stages(recipe: Path, run: Path, arguments: Sequence[str], fit: Fit, tell: Callable[[str], None]) -> Path:
    """Run what the folder does not hold yet; a stage that was interrupted goes on.

    Args:
        recipe: YAML file with a section per stage; teacher and student may be left out.
        run: folder.
        arguments: overrides for `train`, of all stages, or of one as ``--distilled.KEY``.
        fit: see ``Fit``.
        tell: hears what is about to run.

    Returns:
        The checkpoint of the distilled student.

    Raises:
        ConfigError, TrainingError: no such recipe, or a folder with the run of another one; whatever a stage raises.
    """
    sections = read_stages(recipe)
    _keep(recipe, run)
    for stage, section in linked(sections, run).items():
        write_text(run / f"{stage}.yaml", yaml.safe_dump(section, sort_keys=False), TrainingError)
    for stage in sections:
        folder = run / stage
        if (folder / RESULT).is_file():
            tell(f"{stage}: done, see {folder}")
            continue
        command = ["fit", "--config", str(run / f"{stage}.yaml"), "--run", str(folder), *_own(arguments, stage)]
        if (folder / "checkpoints" / "resume.ckpt").is_file():
            command += ["--resume", "true"]
        tell(f"{stage}: vpr_ros train {' '.join(command)}")
        fit(command)
        if not (folder / RESULT).is_file():
            raise TrainingError(
                f"the stage {stage} left no {RESULT} in {folder}", "Let it validate at least once: trainer.max_epochs"
            )
    return run / DISTILLED / RESULT


def read_stages(recipe: Path) -> dict[str, Any]:
    """The stages of a recipe in the order they run.

    Raises:
        ConfigError: no such file, or other sections than those of a StructVPR recipe.
    """
    if not recipe.is_file():
        raise ConfigError(f"no recipe at {recipe}", f"Give {EXAMPLE_RECIPE} or a copy of it")
    found = read_yaml(recipe)
    named = set(found) if isinstance(found, Mapping) else set()
    if DISTILLED not in named or not named <= {*STAGES, SHARED}:
        raise ConfigError(
            f"{recipe} has the sections {sorted(map(str, named))}, expected {DISTILLED} and perhaps {TEACHER}, "
            f"{STUDENT} and {SHARED}",
            f"Copy {EXAMPLE_RECIPE}; a recipe of one stage is for `vpr_ros train fit`",
        )
    for stage in STAGES:
        if stage in found and not _is_recipe(found[stage]):
            raise ConfigError(f"the section {stage} of {recipe} lacks a model or data", f"Copy {EXAMPLE_RECIPE}")
    return {stage: found[stage] for stage in STAGES if stage in found}


def linked(sections: Mapping[str, Any], run: Path) -> dict[str, Any]:
    """The stages as recipes of their own: the last starts where the student ended, and is taught by the teacher."""
    recipes: dict[str, Any] = copy.deepcopy(dict(sections))
    last = recipes[DISTILLED]
    if STUDENT in recipes:
        start = {**(last["model"]["init_args"].get("start") or {}), "weights": str(run / STUDENT / RESULT)}
        last["model"]["init_args"]["start"] = start
    if TEACHER in recipes:
        last["data"]["init_args"]["teacher"] = str(run / TEACHER / RESULT)
    return recipes


def _is_recipe(section: Any) -> bool:
    parts = [section.get(part) for part in ("model", "data")] if isinstance(section, Mapping) else [None]
    return all(isinstance(part, Mapping) and isinstance(part.get("init_args"), Mapping) for part in parts)


def _own(arguments: Sequence[str], stage: str) -> list[str]:
    """The overrides of one stage: those for all, and its own without its name."""
    kept: list[str] = []
    belongs = True
    for argument in arguments:
        if argument.startswith("--"):
            owner = argument[2:].partition(".")[0]
            belongs = owner not in STAGES or owner == stage
            argument = f"--{argument[3 + len(owner) :]}" if owner == stage else argument  # noqa: PLW2901
        if belongs:
            kept.append(argument)
    return kept


def _keep(recipe: Path, run: Path) -> None:
    """Copy the recipe into the run's folder.

    Raises:
        TrainingError: the folder holds another one.
    """
    text, kept = read_bytes(recipe, LARGEST_YAML_BYTES), run / "recipe.yaml"
    if kept.is_file() and kept.read_bytes() != text:
        raise TrainingError(f"{run} holds the run of another recipe", f"Give another --run, or --recipe {kept}")
    if not kept.is_file():
        with new_file(kept, TrainingError) as part:
            part.write_bytes(text)
