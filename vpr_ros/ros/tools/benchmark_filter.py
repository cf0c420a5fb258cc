# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the filter over the frames of a map costs for an image, map by map of growing size. No ROS."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Final

import numpy as np

from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.place_filter import OdometryReading, PlaceFilter

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
IMAGES: Final = 100
CANDIDATES: Final = 20
STEP_M: Final = 3.0
RADIUS_M: Final = 5.0


def measure_filter_growth(sizes: tuple[int, ...] = SIZES, images: int = IMAGES) -> dict[str, Any]:
    """By number of frames: milliseconds to open, and for an image (median and 95 % quantile).

    The map is a winding road with a frame per metre; each image shows the right place at a probability of 0.6, among
    other frames drawn anywhere, so that hypotheses are born with every image.
    """
    return {str(frames): _measured(frames, images) for frames in sizes}


def _measured(frames: int, images: int) -> dict[str, float]:
    rng = np.random.default_rng(frames)
    along_m = np.arange(frames, dtype=np.float64)
    position_m = np.column_stack([along_m, 50.0 * np.sin(along_m / 300.0), np.zeros(frames)])
    start_s = time.perf_counter()
    place_filter = PlaceFilter(position_m, RADIUS_M)
    times_s = [time.perf_counter() - start_s]
    for number in range(images):
        travelled_m = STEP_M * number
        indices = rng.integers(0, frames, CANDIDATES)
        indices[0] = int(travelled_m) % frames
        ahead = np.tile([0.0, 0.0, 0.0, 1.0], (CANDIDATES, 1))
        found = Candidates(indices, np.linspace(0.9, 0.5, CANDIDATES), position_m[indices], ahead)
        probability = np.r_[0.6, np.full(CANDIDATES - 1, 0.05)]
        place_filter.drive(partial(OdometryReading, Pose((travelled_m, 0.0, 0.0))))
        start_s = time.perf_counter()
        place_filter.update(number * NS_PER_S, found, probability)
        times_s.append(time.perf_counter() - start_s)
    opened_ms, *each_ms = (1e3 * seconds for seconds in times_s)
    return {"open": opened_ms, "p50": float(np.median(each_ms)), "p95": float(np.quantile(each_ms, 0.95))}
