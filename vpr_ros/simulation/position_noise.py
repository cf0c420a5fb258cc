# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Positions as a GPS receiver has them: off by an error that wanders slowly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.signal import lfilter

from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.simulation.drive import StampedPose

CORRELATION_S: Final = 20.0
_SETTLED: Final = 20
"""Correlation times after which nothing is left of how the noise began."""


def wandering(poses: Sequence[StampedPose], sigma_m: float, seed: int) -> tuple[StampedPose, ...]:
    """Add a second-order Gauss-Markov process to x and y: two first-order ones in a row, so that a track stays smooth.

    Args:
        poses: time, in equal steps, and ``T_map_base``.
        sigma_m: standard deviation of each axis over a long time; headings and heights stay exact.
        seed: of the noise.
    """
    if not sigma_m or len(poses) < 2:
        return tuple(poses)
    step_s = (poses[-1][0] - poses[0][0]) / (len(poses) - 1) / NS_PER_S
    kept = math.exp(-2.0 * step_s / CORRELATION_S)
    before = math.ceil(_SETTLED * CORRELATION_S / step_s)
    white = np.random.default_rng([seed, 121]).standard_normal((before + len(poses), 2))
    deviation = math.sqrt((1.0 + kept**2) / (1.0 - kept**2) ** 3)  # of the sum of (k + 1) kept^k white noise
    offsets_m = sigma_m / deviation * lfilter([1.0], [1.0, -2.0 * kept, kept**2], white, axis=0)[before:]
    moved = []
    for (stamp_ns, pose), (dx, dy) in zip(poses, offsets_m.tolist(), strict=True):
        x, y, z = pose.position_m
        moved.append((stamp_ns, replace(pose, position_m=(x + dx, y + dy, z))))
    return tuple(moved)
