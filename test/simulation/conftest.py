# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One small town for all tests: two blocks, painted once."""

from __future__ import annotations

import pytest

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.simulation.conditions import CONDITIONS, Conditions
from vpr_ros.simulation.town import Town


@pytest.fixture(scope="session")
def town() -> Town:
    return Town(seed=5, blocks_east=2, blocks_north=1)


@pytest.fixture(scope="session")
def camera() -> CameraIntrinsics:
    return CameraIntrinsics.from_fov(160, 120)


@pytest.fixture(scope="session")
def empty_streets() -> Conditions:
    """Noon without cars, people, fog or noise."""
    return CONDITIONS["overcast"].changed(
        parked_share=0.0, moving_cars=0, pedestrians=0, noise_std=0.0, fog_density_per_m=0.0
    )
