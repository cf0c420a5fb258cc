# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Map building beside a bare loop that only decodes and runs the same network. No ROS."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vpr_ros.core.frames import FrameSource, ImageRgb, size_px_of
from vpr_ros.core.joint import in_one_run
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.model_info import Extractor
from vpr_ros.inference import InferenceOptions, open_for_many, open_local_model
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import CPU
from vpr_ros.mapping import BuildConfig, build_map

Models = tuple[OnnxExtractor, LocalModel | None]
"""What describes images, and what finds local features."""


@dataclass(frozen=True)
class BuildingResult:
    """Images per second.

    Attributes:
        build_hz: ``build_map`` from the first record to the finished, calibrated map.
        bare_hz: decode, preprocess and networks in one loop with the same batch size.
        frames: in the map.
        describing_hz: of ``build_map`` while it decodes and describes.
        without_local: the same where neither finds local features; None where that is so anyway.
    """

    build_hz: float
    bare_hz: float
    frames: int
    describing_hz: float
    without_local: BuildingResult | None = None

    @property
    def ratio(self) -> float:
        """Above 1, building overlaps its stages better than the loop; the goal is 0.95."""
        return self.build_hz / self.bare_hz

    @property
    def beside_embedding(self) -> float:
        """Share of the time in which a build neither decodes nor describes; the goal is 0.1."""
        return 1.0 - self.build_hz / self.describing_hz


def measure_building(
    source: FrameSource, bare: Models, build: tuple[Models, int], output: Path, rounds: int = 2
) -> BuildingResult:
    """Build a map of every frame and run the bare loop, in turns; the best round of each counts.

    The map of the last round stays at *output*.

    Args:
        source: the frames.
        bare: models of the bare loop; with local features where there is a second one.
        build: the same models as ``build_map`` opens them, and how many runs go on at once: see ``for_many``.
        output: the map.
        rounds: of both.
    """
    (extractor, local), networks = build
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, overwrite=True, networks=networks)
    bare_s, builds = [], []
    for _ in range(rounds):
        start_s = time.perf_counter()
        _bare_loop(source, *bare, config.batch_size)
        bare_s.append(time.perf_counter() - start_s)
        start_s = time.perf_counter()
        report = build_map(source, extractor, output, config, local_model=local)
        builds.append((time.perf_counter() - start_s, report.describing_s))
    (build_s, describing_s), frames = min(builds), report.added
    return BuildingResult(frames / build_s, len(source) / min(bare_s), frames, frames / describing_s)


def for_many(models: Models, named: Path | None, how: InferenceOptions) -> tuple[Models, int]:
    """*models* as ``build_map`` opens them, and how many runs of the network go on at once.

    Args:
        models: as a node opens them.
        named: file of the second one, where it is one of its own.
        how: see ``InferenceOptions``.
    """
    extractor, local = models
    if extractor.provider != CPU:  # the same, and a second session would take the device's memory
        return models, 1
    many, how, at_once = open_for_many(
        extractor.path, how, BuildConfig().batch_size, with_local=extractor.local is not None
    )
    return (many, None if local is None else open_local_model(many, named, how)), at_once


def _bare_loop(source: FrameSource, extractor: Extractor, local: LocalModel | None, batch_size: int) -> None:
    images: list[ImageRgb] = []
    for record in source:
        images.append(record.load_image())
        if len(images) == batch_size:
            _run(images, extractor, local)
            images.clear()
    if images:
        _run(images, extractor, local)


def _run(images: Sequence[ImageRgb], extractor: Extractor, local: LocalModel | None) -> None:
    batch, joint = extractor.prepare(images), in_one_run(extractor, local)
    if joint is not None:
        joint.infer_both(batch, list(map(size_px_of, images)))
        return
    extractor.infer(batch)
    if local is not None:
        for image_rgb in images:
            local.extract(image_rgb)
