# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Two gloo processes on one batch: the loss and the gradients of one process, and after a fit its weights."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from lightning.pytorch.strategies import DDPStrategy
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from vpr_ros.models import PlaceModel, build_model
from vpr_ros.training.batches import LoaderOptions
from vpr_ros.training.embedding import describe_images
from vpr_ros.training.gather import gather_constant, gather_rows, process_group_size, sum_over_processes
from vpr_ros.training.multi_similarity import MultiSimilarity
from vpr_ros.training.optimiser import OptimiserConfig
from vpr_ros.training.triplet_loss import triplet_ranking_loss

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*treespec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The number of training batches.*:UserWarning"),
]
PROCESSES = 2
Step = Callable[[nn.Module], torch.Tensor]


def model() -> PlaceModel:
    torch.manual_seed(0)
    return build_model(tiny.PLAIN_MODEL)


def images(count: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).standard_normal((count, 3, 32, 32)).astype(np.float32))


def metric_step(network: nn.Module) -> torch.Tensor:
    """Multi-similarity over 8 images of 4 places, each process holding its share."""
    rank, world = process_group_size()
    share = 8 // world
    mine = slice(rank * share, (rank + 1) * share)
    labels = torch.arange(8) // 2
    loss: torch.Tensor = MultiSimilarity(epsilon=None)(
        gather_rows(network(images(8)[mine])), gather_constant(labels[mine])
    )
    return loss


def triplet_step(network: nn.Module) -> torch.Tensor:
    """Four tuples of four images; how many triplets violate differs between the processes."""
    rank, world = process_group_size()
    share = 4 // world
    mine = images(16).reshape(4, 4, 3, 32, 32)[rank * share : (rank + 1) * share]
    tuples = network(mine.flatten(0, 1)).unflatten(0, (share, 4))
    loss = triplet_ranking_loss(tuples[:, 0], tuples[:, 1], tuples[:, 2:])
    return loss.total * world / sum_over_processes(loss.violating.sum())


STEPS: dict[str, Step] = {"metric": metric_step, "triplet": triplet_step}


def run(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=PROCESSES)
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", "WORLD_SIZE": str(PROCESSES)}
    warnings.filterwarnings("ignore")  # a process of its own: pytest's filters end where it begins
    try:
        found = results(DistributedDataParallel)
        torch.save({**found, "fitted": fitted(Path(folder), PROCESSES)}, Path(folder) / f"{rank}.pt")
    finally:
        dist.destroy_process_group()


def results(wrap: Callable[[nn.Module], nn.Module]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, step in STEPS.items():
        network = model()
        wrapped = wrap(network)  # must outlive backward: it averages the gradients
        loss = step(wrapped)
        torch.autograd.backward(loss)
        out[name] = {
            "loss": loss.detach(),
            "gradients": {k: p.grad for k, p in network.named_parameters() if p.grad is not None},
        }
    network = model()
    options = LoaderOptions(workers=0, evaluation_batch=3)
    rooms = tiny.Rooms(places=7, views=1)  # an odd number of images for an even number of processes
    out["described"] = torch.from_numpy(describe_images(network, rooms, network.config.preprocessing, options))
    return out


def fitted(folder: Path, processes: int) -> dict[str, torch.Tensor]:
    """The weights after Lightning's own fit of two epochs, whose batches the processes share."""
    together: dict[str, Any] = {"strategy": DDPStrategy(), "devices": processes} if processes > 1 else {}
    # plain descent: Adam makes of a gradient of 1e-9, which is rounding, a step like any other
    module = tiny.metric_module(tiny.PLAIN_MODEL, optimiser=OptimiserConfig("sgd", lr=0.1))
    tiny.trainer(folder, 2, limit_val_batches=0, **together).fit(module, tiny.place_data(batch_places=4))
    return tiny.weights(module)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("gloo")
    mp.spawn(run, args=(str(folder),), nprocs=PROCESSES, join=True)
    alone = {**results(lambda network: network), "fitted": fitted(folder, 1)}
    return alone, [torch.load(folder / f"{r}.pt", weights_only=True) for r in range(2)]


@pytest.mark.parametrize("name", ["metric", "triplet"])
def test_gradients_are_those_of_one_process(both: tuple[dict[str, Any], list[dict[str, Any]]], name: str) -> None:
    alone, together = both
    assert alone[name]["gradients"]
    for process in together:
        assert process[name]["gradients"].keys() == alone[name]["gradients"].keys()
        for key, gradient in alone[name]["gradients"].items():
            torch.testing.assert_close(process[name]["gradients"][key], gradient, rtol=2e-4, atol=1e-6)


def test_the_loss_is_that_of_one_process(both: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    alone, together = both
    for process in together:
        torch.testing.assert_close(process["metric"]["loss"], alone["metric"]["loss"])
    # each process reports its share times the number of processes: their mean is the loss
    mean = torch.stack([p["triplet"]["loss"] for p in together]).mean()
    torch.testing.assert_close(mean, alone["triplet"]["loss"])


def test_descriptors_computed_together_are_the_same(both: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    alone, together = both
    for process in together:
        torch.testing.assert_close(process["described"], alone["described"])


@pytest.mark.slow
def test_a_fit_of_two_processes_ends_in_the_weights_of_one(both: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    alone, together = both
    start = tiny.weights(tiny.metric_module(tiny.PLAIN_MODEL))
    assert max((alone["fitted"][key] - start[key]).abs().max() for key in start) > 0.01
    for process in together:
        for key, weight in alone["fitted"].items():
            torch.testing.assert_close(process["fitted"][key], weight, rtol=1e-4, atol=1e-6)
