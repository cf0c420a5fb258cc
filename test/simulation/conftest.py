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
