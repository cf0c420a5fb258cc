# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Parts of a recipe: exact chunks, optimiser groups, schedule, mixed precision, guards, early stop, seeding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import tiny
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import save_checkpoint
from vpr_ros.training.image_sets import PlaceData, PlaceImages
from vpr_ros.training.lightning_checkpoint import load_model
from vpr_ros.training.metric_learning import MultiSimilarityConfig
from vpr_ros.training.optimiser import OptimiserConfig, build_optimiser, build_schedule
from vpr_ros.training.recipe_module import SCORE, StartValues
from vpr_ros.training.transforms import Augmentation, TrainTransform

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*treespec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*:UserWarning"),
]
ENCODER = {"mode": "batch", "heads": 2, "feedforward_dim": 16, "layers": 1}


def test_chunks_give_the_loss_and_gradient_of_the_whole_batch() -> None:
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((8, 3, 32, 32)).astype(np.float32))
    found = []
    for chunk in (None, 3):
        module = tiny.metric_module(tiny.PLAIN_MODEL, chunk_images=chunk)
        loss = module.objective(module.descriptors(images), torch.arange(8) // 2)
        torch.autograd.backward(loss)
        found.append((loss.item(), [p.grad.clone() for p in module.parameters() if p.grad is not None]))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    assert len(found[0][1]) > 5
    for whole, chunked in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(chunked, whole, rtol=1e-3, atol=1e-5)


def test_chunks_under_a_cross_image_encoder_are_refused() -> None:
    with pytest.raises(ConfigError, match="would see one chunk"):
        tiny.metric_module({**tiny.MODEL, "cross_image": ENCODER}, chunk_images=3)


def test_the_encoder_has_its_own_group_at_a_constant_rate() -> None:
    model = build_model({**tiny.MODEL, "cross_image": ENCODER})
    config = OptimiserConfig(lr=4e-4, cross_image_lr=1e-4, decay_factor=0.5, decay_epochs=3)
    optimiser = build_optimiser(model, config)
    schedule = build_schedule(optimiser, config, steps_per_epoch=2)
    encoder = {id(p) for p in model.cross_image.parameters()}  # type: ignore[union-attr]
    assert {id(p) for p in optimiser.param_groups[1]["params"]} == encoder
    assert not {id(p) for p in optimiser.param_groups[0]["params"]} & encoder
    rates = []
    for _ in range(13):
        rates.append([group["lr"] for group in optimiser.param_groups])
        optimiser.step()
        schedule.step()
    assert [r[0] for r in rates] == [4e-4] * 6 + [2e-4] * 6 + [1e-4]
    assert {r[1] for r in rates} == {1e-4}


def test_warm_up_rises_linearly() -> None:
    config = OptimiserConfig(warmup_steps=4, decay_epochs=0)
    assert [config.factor(step, 10) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_a_learning_rate_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ConfigError, match="lr 0"):
        OptimiserConfig(lr=0.0)


class Weights(Callback):
    """Remembers some parameters after every step."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.seen: list[dict[str, torch.Tensor]] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.seen.append({k: v for k, v in tiny.weights(pl_module).items() if k.startswith(self.prefix)})


def test_the_cross_image_encoder_trains_in_every_step(tmp_path: Path) -> None:
    module = tiny.metric_module(
        {**tiny.MODEL, "cross_image": ENCODER}, loss=MultiSimilarityConfig(epsilon=None), optimiser=OptimiserConfig()
    )
    encoder = Weights("model.cross_image.")
    tiny.trainer(tmp_path, 1, [encoder]).fit(module, tiny.place_data())
    assert len(encoder.seen) == 4
    for before, after in zip(encoder.seen, encoder.seen[1:], strict=False):
        assert any(not torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("options", [{"precision": "bf16-mixed"}, {"accumulate_grad_batches": 2}])
def test_mixed_precision_and_accumulation_run(tmp_path: Path, options: dict[str, Any]) -> None:
    module = tiny.metric_module()
    trainer = tiny.trainer(tmp_path, 1, **options)
    trainer.fit(module, tiny.place_data())
    assert trainer.global_step == 4 // options.get("accumulate_grad_batches", 1)
    assert torch.isfinite(trainer.callback_metrics[SCORE])


def test_the_run_stops_when_recall_no_longer_rises(tmp_path: Path) -> None:
    frozen = tiny.metric_module(optimiser=OptimiserConfig(lr=1e-12))
    trainer = tiny.trainer(tmp_path, 9, [EarlyStopping(SCORE, mode="max", patience=2, check_on_train_epoch_end=False)])
    trainer.fit(frozen, tiny.place_data())
    assert trainer.current_epoch == 3


def test_a_gradient_that_is_not_finite_stops_before_the_step(tmp_path: Path) -> None:
    module = tiny.metric_module(loss=MultiSimilarityConfig(epsilon=None))

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        return gradient * torch.nan

    next(module.model.parameters()).register_hook(spoil)
    before = tiny.weights(module)
    with pytest.raises(TrainingError, match=r"gradient is not finite in epoch 0, step 0"):
        tiny.trainer(tmp_path, 1).fit(module, tiny.place_data())
    assert all(torch.equal(value, before[key]) for key, value in tiny.weights(module).items())


def test_kmeans_start_values_change_the_assignment_alone(tmp_path: Path) -> None:
    module = tiny.metric_module(start=StartValues(kmeans_images=8), optimiser=OptimiserConfig(lr=1e-12))
    before = tiny.weights(module)
    tiny.trainer(tmp_path, 1).fit(module, tiny.place_data())
    after = tiny.weights(module)
    moved = [key for key in before if not torch.allclose(before[key], after[key], atol=1e-6)]
    assert moved == ["model.aggregation.conv.weight"]


def test_the_backbone_of_another_checkpoint_is_taken_and_the_words_still_found(tmp_path: Path) -> None:
    torch.manual_seed(5)
    other = build_model({**tiny.MODEL, "aggregation": {"name": "mean"}})
    save_checkpoint(other, tmp_path / "other.safetensors")
    start = StartValues(backbone=tmp_path / "other.safetensors", kmeans_images=8)
    module = tiny.metric_module(start=start, optimiser=OptimiserConfig(lr=1e-12))
    theirs = {f"model.{key}": value for key, value in other.state_dict().items()}
    before = tiny.weights(module)
    assert all(torch.equal(before[key], value) for key, value in theirs.items())
    tiny.trainer(tmp_path, 1).fit(module, tiny.place_data())
    after = tiny.weights(module)
    moved = [key for key in before if not torch.allclose(before[key], after[key], atol=1e-6)]
    assert moved == ["model.aggregation.conv.weight"]


NANO: dict[str, Any] = {
    "name": "nano",
    "backbone": {"name": "nano", "dim": 8, "width": [8, 8, 8, 8]},
    "aggregation": {"name": "netvlad", "clusters": 2},
    "preprocessing": {"height_px": 32, "width_px": 32},
}


@pytest.mark.parametrize("fine_tuned", [True, False])
def test_a_model_that_is_fine_tuned_keeps_the_statistics_of_its_batch_norms(tmp_path: Path, fine_tuned: bool) -> None:
    torch.manual_seed(5)
    save_checkpoint(build_model(NANO), tmp_path / "start.safetensors")
    start = StartValues(weights=tmp_path / "start.safetensors") if fine_tuned else None
    module = tiny.metric_module(NANO, start=start)
    before = tiny.weights(module)
    tiny.trainer(tmp_path, 2).fit(module, tiny.place_data())  # the validation between the epochs must not undo it
    after = tiny.weights(module)
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert any(key.endswith("conv.weight") for key in moved)
    assert any("running" in key for key in moved) is not fine_tuned


class OneImage(PlaceData):
    """A place with a single image among good ones."""

    def open(self) -> PlaceImages:
        places = np.r_[np.repeat(np.arange(7), 4), 7]
        return PlaceImages("rooms", tiny.Rooms(), places, np.zeros(29, dtype=np.int64))


def test_a_place_with_too_few_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="place 7 has 1 images, the recipe draws 2"):
        tiny.trainer(tmp_path, 1).fit(tiny.metric_module(), tiny.place_data(train=OneImage()))


def test_the_checkpoint_of_a_run_opens_as_a_model(tmp_path: Path) -> None:
    module = tiny.metric_module()
    tiny.trainer(tmp_path, 1, [tiny.resume_point(tmp_path)]).fit(module, tiny.place_data())
    model = load_model(tmp_path / "resume.ckpt")
    for key, value in model.state_dict().items():
        assert torch.equal(value, module.model.state_dict()[key])


def test_the_same_seed_gives_the_same_training_image_and_leaves_the_generator_alone() -> None:
    image = tiny.Rooms().load(0)
    transform = TrainTransform(Preprocessing(32, 48), Augmentation(), (24, 40))
    torch.manual_seed(5)
    first = transform(image, 7)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)
    assert first.shape == (3, 24, 40)
    assert torch.equal(transform(image, 7), first)
    assert any(not torch.equal(transform(image, seed), first) for seed in range(5))
    plain = TrainTransform(Preprocessing(32, 48), Augmentation(operations=0))
    np.testing.assert_array_equal(plain(image, 1).numpy(), Preprocessing(32, 48).batch([image])[0])
