# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How much of the bare training step is left when images must be decoded and augmented, and of what the chip can do."""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from vpr_ros.training.batches import BatchLoader, LoaderOptions, PlaceBatches
from vpr_ros.training.device_peak import DensePeak, dense_peak, device_name
from vpr_ros.training.executed_flops import executed_flops
from vpr_ros.training.image_sets import PlaceImages
from vpr_ros.training.metric_learning import MetricLearning
from vpr_ros.training.optimiser import build_optimiser
from vpr_ros.training.place_sampler import BatchShape, PlaceBatchSampler
from vpr_ros.training.precision import plugin
from vpr_ros.training.transforms import Augmentation, TrainTransform

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Throughput:
    """Images per second on one machine, in one run.

    Attributes:
        training_images_s: decoding, augmentation and step.
        bare_images_s: the step alone, on synthetic tensors of the same shape.
        flops_per_image: executed floating-point operations, see ``executed_flops``.
        device: what the device calls itself.
    """

    training_images_s: float
    bare_images_s: float
    flops_per_image: float = 0.0
    device: str = "cpu"

    @property
    def ratio(self) -> float:
        """Share of the bare rate that training reaches."""
        return self.training_images_s / self.bare_images_s

    @property
    def tflops(self) -> float:
        """Executed TFLOP/s while training, loading included."""
        return 1e-12 * self.training_images_s * self.flops_per_image

    @property
    def peak(self) -> DensePeak | None:
        """What the device can do; None where no figure is known."""
        return dense_peak(self.device)


@dataclass(frozen=True)
class Workload:
    """What is trained on, in the words of ``PlaceDataModule``."""

    places: PlaceImages
    batch: BatchShape
    loader: LoaderOptions
    augmentation: Augmentation
    train_size_px: tuple[int, int] | None = None


def measure_throughput(
    module: MetricLearning, workload: Workload, steps: int = 20, precision: str = "32-true"
) -> Throughput:
    """Time optimisation steps without data, with data, and without again.

    What the workers have prepared ahead is used up before the clock starts: only what they can sustain counts. The
    bare step is timed while no worker runs, before and after, so that a machine that warms up favours neither.

    Args:
        module: what is trained; its weights change.
        workload: what it is trained on.
        steps: timed of each kind.
        precision: see ``precision.TIMED``.

    Raises:
        ConfigError: another precision.
        TrainingError: the data set gives no batch, or an image does not decode.
    """
    step = _Step(module, precision)
    transform = TrainTransform(module.model.config.preprocessing, workload.augmentation, workload.train_size_px)
    size = transform.preprocessing
    count = workload.batch.places * workload.batch.images_per_place
    synthetic = (
        torch.randn(count, 3, size.height_px, size.width_px),
        torch.arange(workload.batch.places).repeat_interleave(workload.batch.images_per_place),
    )
    flops = step.flops(synthetic)
    step.run([synthetic])
    before = step.run(itertools.repeat(synthetic, steps))
    ahead = workload.loader.workers * workload.loader.prefetch + 1
    batches = _endless(workload, transform)
    try:
        step.run(itertools.islice(batches, ahead))
        training = step.run(itertools.islice(batches, steps))
    finally:
        batches.close()
    after = step.run(itertools.repeat(synthetic, steps))
    return Throughput(training, 2 / (1 / before + 1 / after), flops / count, device_name(step.device))


class _Step:
    """One optimisation step as the trainer makes it."""

    def __init__(self, module: MetricLearning, precision: str) -> None:
        self._module = module
        self.device = next(module.model.parameters()).device
        self._precision = plugin(precision, self.device)
        self._optimiser = build_optimiser(module.model, module.optimiser_config)
        module.train()

    def run(self, batches: Iterable[Batch]) -> float:
        """Train on the batches; return images per second, with everything on the device done."""
        images_done, start = 0, time.perf_counter()
        for images, labels in batches:
            self._optimiser.zero_grad()
            with self._precision.train_step_context():
                descriptors = self._module.descriptors(images.to(self.device))
                loss = self._module.objective(descriptors, labels.to(self.device))
            torch.autograd.backward(loss)
            self._optimiser.step()
            images_done += len(images)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return images_done / (time.perf_counter() - start)

    def flops(self, batch: Batch) -> int:
        """Operations of one step's forward and backward."""
        images, labels = batch
        with self._precision.train_step_context():
            return executed_flops(self._module, images.to(self.device), labels.to(self.device))


def _endless(workload: Workload, transform: TrainTransform) -> Generator[Batch, None, None]:
    sampler = PlaceBatchSampler(workload.places.place_ids, workload.places.groups, workload.batch)
    loader = BatchLoader(PlaceBatches(workload.places, transform), sampler, workload.loader)
    for epoch in itertools.count():
        sampler.set_epoch(epoch)
        yield from loader
