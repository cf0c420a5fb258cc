# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""LightningCLI over a recipe: it reads the file, lets every value be overridden, and refuses unknown keys."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import lightning
import yaml
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from vpr_ros.core.command import program
from vpr_ros.core.disk import DISK_REFUSES, refusal
from vpr_ros.core.errors import TrainingError
from vpr_ros.models.checkpoint import Recipe
from vpr_ros.training.precision import RecipeTrainer
from vpr_ros.training.recipe_arguments import check_arguments, plain_errors
from vpr_ros.training.run_folder import RunFolder

EXAMPLE = (
    "example: vpr_ros train fit --config config/recipes/supervlad_dinov2b_gsv.yaml "
    "--data.init_args.train.init_args.root DATASETS/gsv_cities --run runs/supervlad"
)
EXPECTED = (
    "does not have many workers",
    "Checkpoint directory .* exists",
    "number of training batches",
    "treespec",
)
"""Warnings about what is as it should be."""

OF_THE_RUN = ("run", "resume", "save_every_steps", "config", "ckpt_path")
"""What says where and how a recipe runs; the same recipe has the same hash wherever it ran."""


class TrainCli(LightningCLI):
    """LightningCLI with a run folder, safe checkpoints and errors that fit on one line."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Only what makes sense here; ``weights_only`` is not the user's choice."""
        hidden = {"model", "datamodule", "weights_only"}
        return {"fit": {*hidden, "train_dataloaders", "val_dataloaders"}, "validate": {*hidden, "dataloaders"}}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add what a run needs beside the recipe."""
        parser.add_argument("--run", type=str, default="runs/run", help="folder that keeps everything of this run")
        parser.add_argument("--resume", type=bool, default=False, help="go on with the run in --run after it stopped")
        parser.add_argument(
            "--save_every_steps", type=int, default=500, help="steps between two points a killed run can go on from"
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse without LightningCLI's warning about arguments given by a caller."""
        self.config = parser.parse_args(args)

    def instantiate_trainer(self, **kwargs: Any) -> lightning.Trainer:
        """Give the trainer its run folder."""
        if self.subcommand != "fit" or self._get(self.config_init, "trainer").get("fast_dev_run"):
            return super().instantiate_trainer(**{"logger": False, **kwargs})
        resume = bool(self._get(self.config, "resume"))
        folder = RunFolder(Path(self._get(self.config, "run")), resume)
        text = self.parser.dump(self.config, skip_none=False)
        callbacks = folder.callbacks(self._recipe(text), text, self._get(self.config, "save_every_steps"))
        own = self._get(self.config_init, "trainer").get("callbacks") or []
        options: dict[str, Any] = {"default_root_dir": str(folder.path), "callbacks": [*own, *callbacks]}
        if self._get(self.config_init, "trainer").get("logger") is None:
            options["logger"] = folder.loggers()
        if resume:
            self.config_init["fit"]["ckpt_path"] = str(folder.resume_checkpoint)
        return super().instantiate_trainer(**{**options, **kwargs})

    def fit(self, **arguments: Any) -> None:
        """Train; nothing of a checkpoint is unpickled.

        Raises:
            TrainingError: the disk of the run folder is full or refuses.
        """
        try:
            self.trainer.fit(**arguments, weights_only=True)
        except OSError as error:
            if error.errno not in DISK_REFUSES:
                raise
            raise refusal(Path(self._get(self.config, "run")), error, TrainingError) from error

    def validate(self, **arguments: Any) -> None:
        """Measure recall; nothing of a checkpoint is unpickled."""
        self.trainer.validate(**arguments, weights_only=True)

    def _recipe(self, text: str) -> Recipe:
        files = self._get(self.config, "config") or []
        name = Path(str(files[-1])).stem if files else "command line"
        recipe = yaml.safe_load(text)
        recipe = recipe.get(self.subcommand, recipe)
        for key in OF_THE_RUN:
            recipe.pop(key, None)
        return Recipe(name, hashlib.sha256(yaml.safe_dump(recipe).encode()).hexdigest())


def run_recipe(argv: Sequence[str]) -> None:
    """Fit or validate as the arguments say.

    Raises:
        VprError: anything the user can mend.
    """
    check_arguments(argv)
    _quieten()
    jsonargparse.set_parsing_settings(instantiate_subclass_spec_in_any=False)  # a recipe builds typed parts only
    strict = {"exit_on_error": False}
    with plain_errors():
        TrainCli(
            model_class=lightning.LightningModule,
            datamodule_class=lightning.LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=None,
            trainer_class=RecipeTrainer,
            trainer_defaults={"use_distributed_sampler": False},
            seed_everything_default=0,
            parser_kwargs={
                **strict,
                "prog": program("train"),
                "description": f"Train a model from a recipe. {EXAMPLE}",
                "fit": dict(strict),
                "validate": dict(strict),
            },
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            args=list(argv),
        )


def _quieten() -> None:
    """What Lightning still calls in its own libraries, and advises, is no business of the user's."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    for expected in EXPECTED:
        warnings.filterwarnings("ignore", message=f".*{expected}.*")
    for chatty in ("utilities.rank_zero", "trainer.connectors.checkpoint_connector"):
        logging.getLogger(f"lightning.pytorch.{chatty}").setLevel(logging.WARNING)
