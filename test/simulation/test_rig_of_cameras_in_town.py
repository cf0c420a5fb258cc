# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One drive through several cameras."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError
from vpr_ros.simulation.conditions import CONDITIONS
from vpr_ros.simulation.drive import DrivePlan
from vpr_ros.simulation.rig import MOUNTS, SimulatedRig
from vpr_ros.simulation.source import SimulatedSource
from vpr_ros.simulation.town import Town


@pytest.fixture(scope="module")
def drive(town: Town) -> SimulatedSource:
    camera = CameraIntrinsics.from_fov(64, 48)
    return SimulatedSource(town, DrivePlan(distance_m=4.0), camera, CONDITIONS["day"], seed=3)


def test_each_pose_is_seen_by_every_camera_at_the_same_time(drive: SimulatedSource) -> None:
    rig = SimulatedRig(drive, ("front", "rear"))
    records = list(rig)
    assert len(records) == len(rig) == 2 * len(drive)
    assert [record.camera for record in records[:4]] == ["front", "rear", "front", "rear"]
    assert records[0].stamp_ns == records[1].stamp_ns < records[2].stamp_ns
    assert records[0].T_map_base == records[1].T_map_base
    assert len({record.name for record in records}) == len(records)
    assert {name: mount.T_base_camera for name, mount in rig.cameras.items()} == {
        name: MOUNTS[name] for name in ("front", "rear")
    }


def test_the_first_camera_sees_what_one_alone_would_and_the_rear_one_looks_back(drive: SimulatedSource) -> None:
    front, rear = (record.load_image() for record in islice(SimulatedRig(drive, ("front", "rear")), 2))
    np.testing.assert_array_equal(front, next(iter(drive)).load_image())
    assert (front != rear).mean() > 0.5
    ahead = MOUNTS["rear"].rotation.apply((0.0, 0.0, 1.0))
    np.testing.assert_allclose(ahead, (-1.0, 0.0, 0.0), atol=1e-9)


@pytest.mark.parametrize("cameras", [("front", "front"), ("front", "top")])
def test_cameras_that_are_none_are_refused(drive: SimulatedSource, cameras: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="expected different ones of front, rear, left, right"):
        SimulatedRig(drive, cameras)
