# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What all recipes share: the model, its optimiser, validation by recall, and guards against lost work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recompute

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.evaluation.retrieval import evaluate_retrieval
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.checkpoint import load_backbone, load_weights
from vpr_ros.models.freezing import freeze, keep_statistics
from vpr_ros.models.initialise import initialise_assignment
from vpr_ros.training.compiled import compiled_forward
from vpr_ros.training.data_module import RecipeData
from vpr_ros.training.embedding import evaluating, finite_rows, image_batches
from vpr_ros.training.gather import copy_from_first, gather_constant
from vpr_ros.training.optimiser import OptimiserConfig, build_optimiser, build_schedule

SCORE = "val/score"
"""R@1 + R@5 of the first validation set, in percent: what selects and stops (docs/methods.md 1.4)."""

MODEL_CONFIG_KEY = "vpr_ros_model"
"""Where a Lightning checkpoint keeps the config of the model."""


@dataclass(frozen=True)
class StartValues:
    """Where training starts.

    Attributes:
        weights: a vpr_ros checkpoint to fine-tune, its batch norms with the statistics they have; None starts from
            the backbone's own weights.
        backbone: a vpr_ros checkpoint whose backbone alone is taken, whatever stands on it, for example a converted
            DINOv2 file; None keeps the recipe's.
        kmeans_images: cluster the backbone's tokens of so many images to initialise the assignment (docs/methods.md 1.2
            takes 5000 and says which); 0 for none, or where ``weights`` are given.
        kmeans_seed: of the choice.
    """

    weights: Path | None = None
    backbone: Path | None = None
    kmeans_images: int = 0
    kmeans_seed: int = 1234


class RecipeModule(lightning.LightningModule):
    """Base of the trainable recipes; see the subclasses.

    Args:
        model: config of ``vpr_ros.models.build_model``.
        optimiser: see ``OptimiserConfig``.
        freeze: policy of ``vpr_ros.models.freezing``.
        start: see ``StartValues``.
        chunk_images: forward at most so many images at a time and recompute each chunk in backward: the exact loss
            and gradient of the whole batch in the memory of one chunk. None forwards the batch at once.
        compile: backend of ``torch.compile`` for the forward and backward of training, e.g. "inductor"; None runs the
            model as it is written. Validation always does.
        seed: of dropout and everything else the model draws.
    """

    def __init__(
        self,
        model: Mapping[str, Any],
        optimiser: OptimiserConfig | None = None,
        freeze: str = "none",
        start: StartValues | None = None,
        chunk_images: int | None = None,
        compile: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.model: PlaceModel = build_model(model)
        self.optimiser_config = optimiser or OptimiserConfig()
        self.start = start or StartValues()
        self.chunk_images = chunk_images
        self.seed = seed
        _freeze(self.model, freeze)
        if self.start.weights is not None:
            load_weights(self.model, Path(self.start.weights))
        if self.start.backbone is not None:
            load_backbone(self.model, Path(self.start.backbone))
        if chunk_images is not None and self.model.cross_image is not None:
            raise ConfigError(
                "chunk_images with a cross-image encoder: the encoder would see one chunk instead of the batch",
                "Leave chunk_images out, or train without the encoder",
            )
        self.compiled = None if compile is None else compiled_forward(self.model, compile)
        self._described: list[Tensor] = []

    @property
    def data(self) -> RecipeData:
        """The data module of the running trainer.

        Raises:
            ConfigError: it is none of ours.
        """
        module = getattr(self.trainer, "datamodule", None)
        if not isinstance(module, RecipeData):
            raise ConfigError(f"the data module is {type(module).__name__}", "Use one of vpr_ros.training")
        return module

    def descriptors(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D), in chunks where the recipe says so."""
        forward = self.compiled or self.model
        if self.chunk_images is None or len(images) <= self.chunk_images:
            return forward(images)  # type: ignore[no-any-return]
        chunks = torch.split(images, self.chunk_images)
        return torch.cat([recompute(forward, chunk, use_reentrant=False) for chunk in chunks])

    def configure_optimizers(self) -> Any:
        """One optimiser; its schedule moves with every step."""
        optimiser = build_optimiser(self.model, self.optimiser_config)
        schedule = build_schedule(optimiser, self.optimiser_config, self.data.steps_per_epoch())
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_fit_start(self) -> None:
        """Cluster the start values of the assignment, unless the run is being resumed."""
        start = self.start
        if start.kmeans_images and start.weights is None and self.trainer.ckpt_path is None:
            images = self.data.initialisation_images(start.kmeans_images, start.kmeans_seed)
            batches = image_batches(images, self.model.config.preprocessing, self.data.loader)
            initialise_assignment(self.model, batches, seed=start.kmeans_seed)
            copy_from_first(self.model)  # k-means need not end in the same bits everywhere

    def on_train_start(self) -> None:
        """Leave the batch norms that are frozen, or fine-tuned, in eval mode."""
        keep_statistics(self.model, everywhere=self.start.weights is not None)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Make dropout a function of (seed, epoch, batch, rank), so that a resumed run draws the same."""
        key = [self.seed, self.current_epoch, batch_idx, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))

    def checked(self, loss: Tensor) -> Tensor:
        """Return the loss.

        Raises:
            TrainingError: it is not finite; checkpoints on disk are older and good.
        """
        if not torch.isfinite(loss):
            raise self._diverged(f"the loss is {loss.item()}")
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Stop before a step that would spoil the weights; with a gradient scaler, skipping it is the scaler's job."""
        if self.trainer.precision == "16-mixed":
            return
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if gradients and not torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
            raise self._diverged("the gradient is not finite")

    def on_validation_epoch_start(self) -> None:
        """Prepare one descriptor array per validation set; NaN marks what was not described."""
        counts = [len(s.database) + len(s.queries) for s in self.data.validation_sets]
        self._described = [torch.full((n, self.model.descriptor_dim), torch.nan) for n in counts]

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Describe a batch of one validation set."""
        images, indices = batch
        with evaluating(self.model):
            described = gather_constant(self.model(images).float())
        self._described[dataloader_idx][gather_constant(indices).cpu()] = described.cpu()

    def on_validation_epoch_end(self) -> None:
        """Log the recall of every validation set."""
        if self.trainer.sanity_checking:
            return
        for number, (task, rows) in enumerate(zip(self.data.validation_sets, self._described, strict=True)):
            descriptors = finite_rows(rows)
            split = len(task.database)
            recall = evaluate_retrieval(descriptors[:split], descriptors[split:], task.positives)
            for rank, percent in recall.at.items():
                self.log(f"val/{task.name}/R@{rank}", percent, rank_zero_only=True)
            if number == 0:
                self.log(SCORE, recall.at[1] + recall.at[5], prog_bar=True)
        self._described = []

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the model's config beside its weights."""
        checkpoint[MODEL_CONFIG_KEY] = self.model.config.to_mapping()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse the checkpoint of another model.

        Raises:
            TrainingError: the configs differ.
        """
        found, own = checkpoint.get(MODEL_CONFIG_KEY), self.model.config.to_mapping()
        if found != own:
            keys = [k for k in own if found is None or found.get(k) != own[k]]
            raise TrainingError(
                f"the checkpoint is of another model, {', '.join(keys)} differ: found "
                f"{None if found is None else {k: found.get(k) for k in keys}}, the recipe says "
                f"{ {k: own[k] for k in keys} }",
                "Resume with the recipe in the run's folder (config.yaml), or start a new run",
            )

    def _diverged(self, what: str) -> TrainingError:
        callback = self.trainer.checkpoint_callback
        kept = getattr(callback, "best_model_path", "") or getattr(callback, "last_model_path", "")
        return TrainingError(
            f"{what} in epoch {self.current_epoch}, step {self.global_step}; training stopped before it spoiled the "
            f"weights, the last good checkpoint is {kept or 'the start of the run'}",
            "Lower the learning rate, train in bf16-mixed or 32 instead of 16-mixed, or check that step's images",
        )


def _freeze(model: PlaceModel, policy: str) -> None:
    freeze(model, policy)
