# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Recorded positions wander as a receiver's do: as far as was asked for, and slowly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.simulation.position_noise import CORRELATION_S, wandering

RATE_HZ = 2
STANDING = tuple((k * NS_PER_S // RATE_HZ, Pose.from_xy_yaw(5.0, 0.0, 0.3)) for k in range(20_000))


def offsets_m(sigma_m: float, seed: int, count: int) -> npt.NDArray[np.float64]:
    return np.array([pose.position_m for _, pose in wandering(STANDING[:count], sigma_m, seed)]) - [5.0, 0.0, 0.0]


def test_it_wanders_as_far_as_asked_and_slowly() -> None:
    off_m = offsets_m(2.0, 0, len(STANDING))
    np.testing.assert_allclose(off_m[:, :2].std(axis=0), 2.0, rtol=0.2)
    assert (off_m[:, 2] == 0).all()
    assert np.diff(off_m[:, :2], axis=0).std() < 2.0 / CORRELATION_S * 1.5  # of a second order: no leaps
    lag = round(CORRELATION_S / 2 * RATE_HZ)
    kept = np.mean(off_m[lag:, 0] * off_m[:-lag, 0]) / np.mean(off_m[:, 0] ** 2)
    assert abs(kept - 2 / np.e) < 0.1  # (1 + t/T) exp(-t/T), T half the correlation time


def test_the_same_seed_wanders_the_same_and_without_noise_nothing_moves() -> None:
    np.testing.assert_array_equal(offsets_m(1.0, 3, 500), offsets_m(1.0, 3, 500))
    assert np.abs(offsets_m(1.0, 3, 500) - offsets_m(1.0, 4, 500)).max() > 1.0
    assert wandering(STANDING[:9], 0.0, 3) == STANDING[:9]
    assert [pose.quat_xyzw for _, pose in wandering(STANDING[:9], 1.0, 3)] == [STANDING[0][1].quat_xyzw] * 9
