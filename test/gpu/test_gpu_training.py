# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""On a GPU: a training step computes what it does on the CPU, and how fast a recipe trains in which numbers."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from gpu_device import STANDS_IN, Record, torch_device

pytest.importorskip("lightning", reason="needs the extra .[train]")

import torch
from torch import nn

from vpr_ros.training.metric_learning import MetricLearning
from vpr_ros.training.optimiser import OptimiserConfig, build_optimiser
from vpr_ros.training.precision import plugin
from vpr_ros.training.recipe_files import read_recipe
from vpr_ros.training.throughput import Workload, measure_throughput
from vpr_ros.training.throughput_report import throughput_report

pytestmark = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.timeout(600)]
RECIPE = Path(__file__).resolve().parents[2] / "config" / "recipes" / "supervlad_dinov2b_gsv.yaml"
SMALL: dict[str, Any] = {
    "name": "small",
    "backbone": {"name": "vit_tiny_patch16_224", "pretrained": False},
    "aggregation": {"name": "supervlad", "clusters": 4, "ghost_clusters": 1},
    "preprocessing": {"height_px": 64, "width_px": 64},
}
VIEWS = 4


def update(device: str, precision: str, **options: Any) -> torch.Tensor:
    """How three steps from the same weights on the same images move the weights, as one vector."""
    torch.manual_seed(0)
    module = MetricLearning(model=SMALL, optimiser=OptimiserConfig("sgd", lr=0.01), **options)
    places = torch.rand(16 // VIEWS, 3, 64, 64).repeat_interleave(VIEWS, dim=0)
    images, labels = (places + 0.5 * torch.rand(16, 3, 64, 64)).to(device), (torch.arange(16) // VIEWS).to(device)
    start = nn.utils.parameters_to_vector(module.model.parameters()).detach().double()
    module.to(device).train()
    optimiser, context = build_optimiser(module.model, module.optimiser_config), plugin(precision, torch.device(device))
    for _ in range(3):
        optimiser.zero_grad()
        with context.train_step_context():
            loss = module.objective(module.descriptors(images), labels)
        torch.autograd.backward(loss)
        optimiser.step()
    return nn.utils.parameters_to_vector(module.model.parameters()).detach().cpu().double() - start


@pytest.mark.parametrize(
    ("precision", "options", "least"),
    [("32-true", {}, 0.999), ("bf16-mixed", {}, 0.95), ("bf16-mixed", {"compile": "inductor"}, 0.95)],
    ids=["fp32", "bf16", "bf16 compiled"],
)
def test_training_steps_go_where_the_cpus_go(
    precision: str, options: dict[str, Any], least: float, record_property: Record
) -> None:
    device = torch_device()
    if STANDS_IN and options:
        options = {"compile": "aot_eager"}  # minutes of inductor for the CPU would show nothing
    expected, found = update("cpu", "32-true"), update(device, precision, **options)
    cosine = float(nn.functional.cosine_similarity(found, expected, dim=0))
    length = float(found.norm() / expected.norm())
    record_property("figure", f"cosine of three steps {cosine:.5f}, length {length:.4f} of the CPU's in fp32")
    assert cosine >= least and length == pytest.approx(1.0, abs=0.1)


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A folder like GSV-Cities, of noise, and how many places of it a batch has."""
    root, (places, per_batch) = tmp_path_factory.mktemp("gsv"), _how_many()
    rng, rows = np.random.default_rng(0), []
    (root / "Dataframes").mkdir()
    (root / "Images" / "London").mkdir(parents=True)
    for place in range(places):
        coarse = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)
        base = cv2.resize(coarse, (400, 300), interpolation=cv2.INTER_CUBIC)
        for view in range(VIEWS):
            image = np.clip(base.astype(int) + rng.integers(-25, 25, base.shape), 0, 255).astype(np.uint8)
            latitude, longitude, pano = f"51.{10 * place + 1:06d}", f"-0.100{view}1", f"pano{place:06d}_{view}"
            name = f"London_{place:07d}_2015_{view + 1:02d}_{10 * view:03d}_{latitude}_{longitude}_{pano}.jpg"
            assert cv2.imwrite(str(root / "Images" / "London" / name), image)
            rows.append((place, 2015, view + 1, 10 * view, "London", latitude, longitude, pano))
    with (root / "Dataframes" / "London.csv").open("w", newline="", encoding="utf-8") as file:
        header = ("place_id", "year", "month", "northdeg", "city_id", "lat", "lon", "panoid")
        csv.writer(file).writerows([header, *rows])
    return root, per_batch


def _how_many() -> tuple[int, int]:
    """Places in all, and of a batch: the recipe's 120 where the memory holds them."""
    if STANDS_IN:
        return 6, 2
    memory_gb = torch.cuda.mem_get_info()[1] / 1e9 if torch.cuda.is_available() else 0.0
    per_batch = 120 if memory_gb > 60 else 24 if memory_gb > 14 else 6
    return max(48, 5 * per_batch), per_batch


@pytest.mark.parametrize(
    ("precision", "options"),
    [
        ("32-true", {}),
        ("tf32", {}),
        ("bf16-mixed", {}),
        ("bf16-mixed", {"compile": "inductor", "optimiser.fused": True}),
    ],
    ids=["fp32", "tf32", "bf16", "bf16 compiled and fused"],
)
def test_how_fast_a_vit_b_trains(
    precision: str, options: dict[str, Any], streets: tuple[Path, int], record_property: Record
) -> None:
    if STANDS_IN and options:
        pytest.skip("a minute of compiling for the CPU would show nothing")
    device, (root, per_batch), multiplies = torch_device(), streets, torch.get_float32_matmul_precision()
    overrides = {
        "data.init_args.train.init_args.root": str(root),
        "data.init_args.train.init_args.cities": ["London"],
        "data.init_args.batch.places": per_batch,
        "data.init_args.loader.workers": 0 if STANDS_IN else min(15, max(1, len(os.sched_getaffinity(0)) - 1)),
        **{f"model.init_args.{name}": value for name, value in options.items()},
    }
    try:
        module, data = read_recipe(RECIPE, overrides)
        workload = Workload(data.places, data.batch, data.loader, data.augmentation, data.train_size_px)
        result = measure_throughput(module.to(device), workload, 1 if STANDS_IN else 8, precision)
    finally:
        torch.set_float32_matmul_precision(multiplies)
    shares = throughput_report(result, precision)["share_of_peak"]
    said = ", ".join(f"{100 * share:.0f} % of {name}" for name, share in shares.items()) or "peak unknown"
    record_property(
        "figure",
        f"{result.training_images_s:.0f} images/s, {result.tflops:.1f} TFLOP/s ({said}), "
        f"{result.ratio:.2f} of the bare step",
    )
    assert result.tflops > 0
