# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Operations are counted as they are executed, and set beside what the chip can do where that is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import yaml

from vpr_ros.cli.compare_precision import main as compare
from vpr_ros.core.errors import ConfigError
from vpr_ros.training.device_peak import dense_peak
from vpr_ros.training.executed_flops import executed_flops
from vpr_ros.training.optimiser import OptimiserConfig
from vpr_ros.training.precision import plugin, resolved
from vpr_ros.training.recipe_cli import run_recipe
from vpr_ros.training.recipe_files import recipe_precision
from vpr_ros.training.throughput import Throughput, Workload, measure_throughput
from vpr_ros.training.throughput_report import throughput_lines, throughput_report
from vpr_ros.training.transforms import Augmentation

VIT: dict[str, Any] = {
    "name": "vit",
    "backbone": {"name": "vit_tiny_patch16_224", "pretrained": False},
    "aggregation": {"name": "supervlad", "clusters": 2, "ghost_clusters": 1},
    "preprocessing": {"height_px": 32, "width_px": 32},
}
LABELS = torch.tensor([0, 0, 1, 1])


def counted(freeze: str, images: torch.Tensor, **options: Any) -> int:
    module = tiny.metric_module(VIT, freeze=freeze, **options).train()
    return executed_flops(module, images, LABELS[: len(images)])


def test_frozen_blocks_count_as_what_they_execute() -> None:
    images = torch.rand(4, 3, 32, 32)
    # of one block and image: 5 tokens of 192, 12 d^2 multiplications each, and attention over 5 tokens
    block = 2 * (5 * 12 * 192**2 + 2 * 5 * 5 * 192) * len(images)
    frozen, last_two, whole = (counted(policy, images) for policy in ("backbone", "blocks>=10", "none"))
    assert last_two - frozen == pytest.approx(2 * 2 * block, rel=0.02)  # backward is twice the forward
    assert whole - last_two == pytest.approx(10 * 2 * block, rel=0.02)
    assert frozen == pytest.approx(12 * block, rel=0.1)


def test_what_is_recomputed_counts_again() -> None:
    images = torch.rand(4, 3, 32, 32)
    once = counted("none", images)
    assert counted("none", images, chunk_images=2) == pytest.approx(4 / 3 * once, rel=0.05)


@pytest.mark.parametrize(
    ("name", "bf16"),
    [("NVIDIA H200", 989.4), ("NVIDIA H100 PCIe", 756.0), ("NVIDIA A100-SXM4-80GB", 312.0), ("NVIDIA A10", 125.0)],
)
def test_known_chips_are_known_by_their_names(name: str, bf16: float) -> None:
    peak = dense_peak(name)
    assert peak is not None and peak.bf16 == bf16


def test_the_share_of_an_unknown_chip_is_said_to_be_unknown() -> None:
    known = Throughput(100.0, 110.0, 1e12, "NVIDIA H200")
    assert throughput_report(known, "bf16-mixed")["share_of_peak"]["bf16"] == pytest.approx(100 / 989.4)
    assert any("0.101   of 989.4 TFLOP/s in bf16" in line for line in throughput_lines(known, "bf16-mixed"))
    unknown = Throughput(100.0, 110.0, 1e12, "Orin")
    assert throughput_report(unknown, "32-true")["share_of_peak"] == {}
    assert "unknown" in throughput_lines(unknown, "32-true")[-1] and "Orin" in throughput_lines(unknown, "32-true")[-1]


def test_a_step_is_timed_in_other_numbers_and_fused() -> None:
    data = tiny.place_data()
    workload = Workload(data.places, data.batch, data.loader, Augmentation())
    module = tiny.metric_module(optimiser=OptimiserConfig(lr=1e-3, fused=True))
    before = tiny.weights(module)
    result = measure_throughput(module, workload, steps=1, precision="bf16-mixed")
    assert result.tflops > 0 and result.device == "cpu" and result.peak is None
    after = tiny.weights(module)
    assert any(not torch.equal(after[key], before[key]) for key in before)


def test_words_for_numbers() -> None:
    assert resolved("auto", torch.device("cpu")) == "32-true"
    with pytest.raises(ConfigError, match="'16-mixed' is not timed"):
        plugin("16-mixed", torch.device("cpu"))
    with pytest.raises(ConfigError, match="compile is 'fastest'"):
        tiny.metric_module(compile="fastest")


RECIPE = {
    "model": {"class_path": "vpr_ros.training.metric_learning.MetricLearning", "init_args": {"model": tiny.MODEL}},
    "data": {
        "class_path": "vpr_ros.training.metric_learning.PlaceDataModule",
        "init_args": {
            "train": {"class_path": "tiny.RoomPlaces"},
            "batch": {"places": 2, "images_per_place": 2},
            "validation": [{"class_path": "tiny.RoomRetrieval"}],
            "loader": {"workers": 0, "evaluation_batch": 64},
        },
    },
    "trainer": {"precision": "tf32", "fast_dev_run": True, "accelerator": "cpu", "enable_model_summary": False},
}
QUIET = pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning", "ignore:.*treespec.*:FutureWarning")


@QUIET
def test_a_recipe_may_leave_the_numbers_to_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    multiplies: list[str] = []
    monkeypatch.setattr(torch, "set_float32_matmul_precision", multiplies.append)
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    assert recipe_precision(recipe) == "tf32"
    run_recipe(["fit", "--config", str(recipe)])
    assert multiplies == ["high"]
    run_recipe(["fit", "--config", str(recipe), "--trainer.precision", "auto"])
    assert multiplies == ["high"]


@QUIET
def test_a_recipe_is_trained_in_other_numbers_from_the_same_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, output = tmp_path / "recipe.yaml", tmp_path / "study"
    once = {"max_epochs": 1, "limit_train_batches": 1, "accelerator": "cpu", "enable_model_summary": False}
    recipe.write_text(yaml.safe_dump({**RECIPE, "trainer": once}))
    arguments = [str(recipe), "--seeds", "2", "--within", "100", "--output", str(output)]
    assert compare(arguments) == 0
    (found,) = json.loads((output / "precision.json").read_text())
    assert len(found["published"]) == len(found["found"]) == 2 and found["verdict"] == "seen"
    runs = {f"{precision}_seed{seed}" for precision in ("32-true", "bf16-mixed") for seed in (0, 1)}
    assert {path.name for path in output.glob("*_seed*")} == runs
    first = capsys.readouterr().out.splitlines()[-1]
    assert "rooms: recall@1" in first and "at most 100: seen" in first
    assert compare(arguments) == 0  # nothing is trained again
    assert capsys.readouterr().out.splitlines() == [first]
