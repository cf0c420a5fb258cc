# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DELG trains: three losses, gradients where they belong, a threshold that travels with the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from torch.nn import functional

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models.delg_head import LocalLessons
from vpr_ros.training.batches import LoaderOptions
from vpr_ros.training.delg.objective import DelgLossConfig, DelgObjective
from vpr_ros.training.delg.recipe import ClassDataModule, DelgTraining
from vpr_ros.training.lightning_checkpoint import load_model
from vpr_ros.training.optimiser import OptimiserConfig
from vpr_ros.training.shuffled_sampler import ShuffledSampler
from vpr_ros.training.transforms import Augmentation, CropRange

QUIET = ["ignore:.*dataloader.*:UserWarning", "ignore:.*treespec.*:FutureWarning", "ignore:.*LeafSpec.*:FutureWarning"]
pytestmark = [pytest.mark.filterwarnings(w) for w in QUIET]
MODEL: dict[str, Any] = {
    "name": "tiny_delg",
    "backbone": {"name": "nano_stages", "width": [4, 8, 12, 16]},
    "aggregation": {"name": "whitened_gem"},
    "local_head": {"name": "delg", "dim": 6, "attention_dim": 8},
    "preprocessing": {"height_px": 32, "width_px": 32, "mean": [0.0] * 3, "std": [1.0] * 3},
}


def module(**options: Any) -> DelgTraining:
    torch.manual_seed(0)
    optimiser = OptimiserConfig(name="sgd", lr=0.05, decay_epochs=0, linear_steps=100)
    return DelgTraining(**{"model": MODEL, "optimiser": optimiser, **options})


def data(**options: Any) -> ClassDataModule:
    return ClassDataModule(
        train=tiny.RoomPlaces(),
        batch_images=16,
        augmentation=Augmentation(operations=0),
        validation=[tiny.RoomRetrieval()],
        loader=LoaderOptions(workers=0, evaluation_batch=16),
        seed=3,
        **options,
    )


def test_the_sum_is_ten_parts_reconstruction_and_one_part_attention() -> None:
    torch.manual_seed(0)
    objective = DelgObjective(6, 5, 3)
    descriptors, labels = torch.randn(4, 6), torch.tensor([0, 2, 1, 0])
    lessons = LocalLessons(torch.tensor(0.5), torch.randn(4, 5), torch.rand(4, 2, 2))
    losses = objective(descriptors, lessons, labels)
    attention = functional.cross_entropy(objective.attention(lessons.attended), labels)
    expected = objective.descriptor(descriptors, labels) + 10 * 0.5 + attention
    torch.testing.assert_close(losses.total, expected)


def test_training_lowers_the_loss_and_keeps_the_threshold(tmp_path: Path) -> None:
    recipe = module()
    trainer = tiny.trainer(tmp_path, 20, gradient_clip_val=10.0, limit_val_batches=0)
    seen: list[float] = []
    recipe.on_before_zero_grad = lambda *_: seen.append(float(trainer.callback_metrics.get("train/loss", np.nan)))  # type: ignore[method-assign]
    trainer.fit(recipe, data())
    losses = [loss for loss in seen if np.isfinite(loss)]
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
    assert recipe.objective is not None
    assert recipe.objective.descriptor.weight.shape == (tiny.PLACES, 16)
    assert recipe.model.local_head.threshold > 0
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05 * (1 - 40 / 100))
    trainer.save_checkpoint(tmp_path / "delg.ckpt")
    again = load_model(tmp_path / "delg.ckpt")
    assert again.local_head.threshold == recipe.model.local_head.threshold


def test_the_classifiers_train_with_the_network(tmp_path: Path) -> None:
    recipe = module(loss=DelgLossConfig(learn_gamma=False))
    tiny.trainer(tmp_path, 1, limit_train_batches=1).fit(recipe, data())
    assert recipe.objective is not None
    held = {id(p) for group in recipe.trainer.optimizers[0].param_groups for p in group["params"]}
    assert id(recipe.objective.descriptor.weight) in held
    assert id(recipe.objective.attention.weight) in held
    assert id(recipe.objective.descriptor.gamma) not in held


def test_a_resumed_run_goes_on_with_its_classifiers(tmp_path: Path) -> None:
    whole, first, second = module(), module(), module()
    tiny.trainer(tmp_path, 2, limit_val_batches=0).fit(whole, data())
    tiny.trainer(tmp_path, 1, [tiny.resume_point(tmp_path)], limit_val_batches=0).fit(first, data())
    tiny.trainer(tmp_path, 2, limit_val_batches=0).fit(
        second, data(), ckpt_path=tmp_path / "resume.ckpt", weights_only=True
    )
    for key, value in tiny.weights(whole).items():
        assert torch.equal(value, tiny.weights(second)[key]), key


def test_what_cannot_be_trained_so_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no local_head"):
        module(model={**MODEL, "local_head": None})
    with pytest.raises(ConfigError, match="accumulate_grad_batches"):
        module(chunk_images=2)
    with pytest.raises(ConfigError, match="ClassDataModule"):
        tiny.trainer(tmp_path, 1).fit(module(), tiny.place_data())


def test_batches_are_shuffled_shared_and_go_on() -> None:
    batches = list(ShuffledSampler(10, 4, seed=1))
    drawn = [draw.index for batch in batches for draw in batch]
    assert len(batches) == 2
    assert len(set(drawn)) == 8
    shares = [list(ShuffledSampler(10, 4, 1, rank, 2)) for rank in (0, 1)]
    assert [first + second for first, second in zip(*shares, strict=True)] == batches
    later = ShuffledSampler(10, 4, seed=1)
    later.set_epoch(0)
    later.first_batch = 1
    assert list(later) == batches[1:]
    later.set_epoch(1)
    assert next(iter(later)) != batches[0]
    with pytest.raises(TrainingError, match="batches of 4 of 3 images"):
        ShuffledSampler(3, 4)
    with pytest.raises(TrainingError, match="over 3 processes"):
        ShuffledSampler(10, 4, world_size=3)


def test_windows_stay_inside_and_have_the_area_and_aspect_that_is_asked_for() -> None:
    image = np.zeros((90, 160, 3), np.uint8)
    rng = np.random.default_rng(0)
    shapes = np.array([CropRange().cut(image, rng).shape[:2] for _ in range(300)])
    areas, aspects = shapes.prod(axis=1) / image[..., 0].size, shapes[:, 1] / shapes[:, 0]
    assert areas.min() >= 0.1
    assert areas.max() <= 1.0
    assert areas.max() > 0.7
    assert aspects.min() > 0.7
    assert aspects.max() < 1.38
    with pytest.raises(ConfigError, match="holds no window"):
        CropRange(area=(0.5, 0.2))
