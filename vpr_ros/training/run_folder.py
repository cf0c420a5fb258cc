# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A run keeps everything in one folder: config, environment, metrics, checkpoints, and the model it made.

::

    RUN/config.yaml                  the whole config, with what was left to its default
    RUN/environment.json             versions, git state, machine
    RUN/metrics.json                 every validation, and the best one
    RUN/checkpoints/best.ckpt        by R@1 + R@5 of the first validation set
    RUN/checkpoints/resume.ckpt      where `--resume true` goes on
    RUN/logs/start_N/                tensorboard/ and csv/metrics.csv, one per start
    RUN/model.safetensors            the best model, for `export_model`
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from vpr_ros.core import disk
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.files import parse_json, read_text
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.training.environment import describe_environment
from vpr_ros.training.lightning_checkpoint import load_model
from vpr_ros.training.recipe_module import SCORE


class RunFolder:
    """Names and files of one run.

    Args:
        path: the folder.
        resume: whether the run goes on.

    Raises:
        TrainingError: a new run in a folder that holds one, or nothing to resume.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        if resume and not self.resume_checkpoint.is_file():
            raise TrainingError(f"there is nothing to resume in {path}", "Leave --resume out, or check --run")
        # other processes of the run start when the first one may have written already
        if not resume and process_rank() == 0 and (path / "config.yaml").exists():
            self._start_over()

    def _start_over(self) -> None:
        """Make way for a new run where an older one ended before it had learned anything.

        Raises:
            TrainingError: the older run left something worth keeping.
        """
        if self.resume_checkpoint.is_file():
            raise TrainingError(f"{self.path} holds a run already", "Add --resume true to go on, or give another --run")
        learned = self.checkpoints.exists() or (self.path / "metrics.json").exists()
        if learned or not (self.path / "environment.json").is_file():
            raise TrainingError(f"{self.path} is in use, without a point to go on from", "Give another --run")
        for name in ("config.yaml", "environment.json"):
            (self.path / name).unlink()

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints lie."""
        return self.path / "checkpoints"

    @property
    def resume_checkpoint(self) -> Path:
        """The state a killed run goes on from."""
        return self.checkpoints / "resume.ckpt"

    @property
    def best_checkpoint(self) -> Path:
        """The best model so far, with everything else."""
        return self.checkpoints / "best.ckpt"

    def loggers(self) -> list[Logger]:
        """TensorBoard and CSV, in a folder of their own for every start: CSV logs are never overwritten."""
        logs = self.path / "logs"
        start = logs / f"start_{len(list(logs.glob('start_*'))) if logs.is_dir() else 0}"
        return [TensorBoardLogger(start, "tensorboard", ""), CSVLogger(start, "csv", "")]

    def callbacks(self, recipe: Recipe, config_text: str, every_steps: int) -> list[Callback]:
        """What keeps the folder up to date."""
        best = ModelCheckpoint(
            self.checkpoints, "best", SCORE, mode="max", enable_version_counter=False, save_on_train_epoch_end=False
        )
        return [RunRecord(self, recipe, config_text), ResumePoint(self.resume_checkpoint, every_steps), best]


def process_rank() -> int:
    """Return the rank a launcher gave this process, before any process group exists."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))


class ResumePoint(Callback):
    """Saves everything an interrupted run needs, every so many steps and after every epoch.

    Never between the last batch of an epoch and its validation: a run resumed there would skip the validation.
    """

    def __init__(self, path: Path, every_steps: int) -> None:
        self.path = path
        self.every_steps = every_steps

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when it is time and gradients are not half accumulated."""
        accumulating = (batch_idx + 1) % trainer.accumulate_grad_batches
        if not accumulating and not trainer.is_last_batch and trainer.global_step % self.every_steps == 0:
            trainer.save_checkpoint(self.path)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Save after validation."""
        trainer.save_checkpoint(self.path)


class RunRecord(Callback):
    """Writes config, environment and metrics, and at the end the best model as a plain checkpoint."""

    def __init__(self, folder: RunFolder, recipe: Recipe, config_text: str) -> None:
        self.folder = folder
        self.recipe = recipe
        self.config_text = config_text

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Record what is about to run; the files of the first start stay when a run goes on."""
        if not trainer.is_global_zero or stage != "fit":
            return
        for name, text in (
            ("config.yaml", self.config_text),
            ("environment.json", json.dumps(describe_environment(), indent=2) + "\n"),
        ):
            if not (self.folder.path / name).exists():
                write_text(self.folder.path / name, text)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Add this validation to metrics.json."""
        if trainer.sanity_checking or not trainer.is_global_zero or trainer.state.fn != "fit":
            return
        path = self.folder.path / "metrics.json"
        history = []
        if path.exists():
            history = parse_json(read_text(path, TrainingError), str(path), TrainingError)["validations"]
        values = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith(("val/", "train/loss"))}
        entry = {"epoch": trainer.current_epoch, "step": trainer.global_step, **values}
        # a resumed run may validate an epoch again
        history = [h for h in history if h["step"] < trainer.global_step] + [entry]
        best = max(history, key=lambda h: h.get(SCORE, float("-inf")))
        report = {"recipe": self.recipe.name, "best": best, "validations": history}
        write_text(path, json.dumps(report, indent=2) + "\n")

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write the best model for export and the robot."""
        if trainer.is_global_zero and self.folder.best_checkpoint.is_file():
            model = load_model(self.folder.best_checkpoint)
            save_checkpoint(model, self.folder.path / "model.safetensors", self.recipe)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        TrainingError: it cannot be written.
    """
    disk.write_text(path, text, TrainingError)
