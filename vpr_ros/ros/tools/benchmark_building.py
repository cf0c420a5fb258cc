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
from vpr_ros.mapping import BuildConfig, build_map


@dataclass(frozen=True)
class BuildingResult:
    """Images per second.

    Attributes:
        build_hz: ``build_map`` from the first record to the finished, calibrated map.
        bare_hz: decode, preprocess and networks in one loop with the same batch size.
        frames: in the map.
        ratio: build_hz / bare_hz.
    """

    build_hz: float
    bare_hz: float
    frames: int

    @property
    def ratio(self) -> float:
        """Above 1, building overlaps its stages better than the loop; the goal is 0.85."""
        return self.build_hz / self.bare_hz


def measure_building(
    source: FrameSource, extractor: Extractor, output: Path, local: LocalModel | None = None, rounds: int = 2
) -> BuildingResult:
    """Build a map of every frame and run the bare loop, in turns; the best round of each counts.

    With *local* both find local features too.

    The map of the last round stays at *output*.
    """
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, overwrite=True)
    bare_s, build_s, frames = [], [], 0
    for _ in range(rounds):
        start_s = time.perf_counter()
        _bare_loop(source, extractor, local, config.batch_size)
        bare_s.append(time.perf_counter() - start_s)
        start_s = time.perf_counter()
        frames = build_map(source, extractor, output, config, local_model=local).added
        build_s.append(time.perf_counter() - start_s)
    return BuildingResult(frames / min(build_s), len(source) / min(bare_s), frames)


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
