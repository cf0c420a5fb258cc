from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.simulation.drive import DrivePlan, plan_drive
from vpr_ros.simulation.odometry import noisy_odometry
from vpr_ros.simulation.town import Town

STEADY: dict[str, Any] = {"lateral_jitter_m": 0.0, "heading_jitter_rad": 0.0}


def test_a_drive_is_smooth_and_covers_every_street(town: Town) -> None:
    drive = plan_drive(town, DrivePlan(speed_mps=5.0, rate_hz=5.0))
    stamps = [stamp for stamp, _ in drive]
    assert np.all(np.diff(stamps) == 200_000_000)
    places = np.array([pose.position_m[:2] for _, pose in drive])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 1.1
    assert steps.min() > 0.7
    assert np.linalg.norm(places[-1] - places[0]) < 2.0
    turns = [a.angle_rad(b) for (_, a), (_, b) in pairwise(drive)]
    assert max(turns) < 0.6
    for street in town.plan.streets:
        assert np.linalg.norm(places - street.centre(3)[1], axis=1).min() < 0.5 * street.roadway_m


def test_the_robot_looks_where_it_drives_on_the_right(town: Town) -> None:
    drive = [pose for _, pose in plan_drive(town, DrivePlan(**STEADY))]
    ahead = [a.inverse().compose(b).position_m[0] for a, b in pairwise(drive)]
    assert min(ahead) > 0.5
    street = town.plan.streets[0]
    middle = street.centre(201)[100]
    passing = min(drive, key=lambda pose: float(np.linalg.norm(np.array(pose.position_m[:2]) - middle)))
    to_middle = passing.inverse().rotation.apply(np.array([*middle, 0.0]) - passing.position_m)
    assert to_middle[1] == pytest.approx(street.roadway_m / 4, abs=0.4)  # the centre line is to the left


def test_viewpoints_change_as_asked(town: Town) -> None:
    plan = DrivePlan(**STEADY)
    here = [pose for _, pose in plan_drive(town, plan)]
    aside = [pose for _, pose in plan_drive(town, DrivePlan(lateral_offset_m=0.7, **STEADY))]
    left = []
    for pose in here[::40]:
        nearest = min(aside, key=lambda p: p.distance_m(pose) + 5 * p.angle_rad(pose))
        left.append(pose.inverse().compose(nearest).position_m[1])
    assert np.median(left) == pytest.approx(0.7, abs=0.1)
    back = [pose for _, pose in plan_drive(town, DrivePlan(reverse=True, other_lane=True, **STEADY))]
    angles = [min(back, key=lambda p: p.distance_m(pose)).angle_rad(pose) for pose in here[::40]]
    assert np.median(angles) > 2.8
    wander = [plan_drive(town, DrivePlan(jitter_seed=seed)) for seed in (1, 1, 2)]
    assert wander[0] == wander[1]
    assert wander[0] != wander[2]


def test_part_of_a_drive_and_another_route(town: Town) -> None:
    short = plan_drive(town, DrivePlan(distance_m=30.0, speed_mps=6.0, rate_hz=2.0, start_share=0.5))
    assert len(short) == 10
    assert plan_drive(town, DrivePlan(route_seed=1)) != plan_drive(town, DrivePlan(route_seed=2))
    with pytest.raises(ConfigError, match="speed_mps"):
        DrivePlan(speed_mps=0.0)


def test_odometry_drifts_but_not_much(town: Town) -> None:
    drive = plan_drive(town, DrivePlan(distance_m=200.0))
    believed = noisy_odometry(drive, seed=1)
    assert [stamp for stamp, _ in believed] == [stamp for stamp, _ in drive]
    assert believed[0][1].distance_m(believed[0][1].inverse()) == 0.0
    truth = drive[0][1].inverse().compose(drive[-1][1])
    assert 0.05 < believed[-1][1].distance_m(truth) < 30.0
    assert noisy_odometry(drive, seed=2)[-1] != believed[-1]
    exact = noisy_odometry(drive, 1, scale_error=0, slip=0, yaw_drift_rad_per_m=0, yaw_noise_rad=0)
    assert exact[-1][1].distance_m(truth) < 1e-6
    assert noisy_odometry((), seed=1) == ()
