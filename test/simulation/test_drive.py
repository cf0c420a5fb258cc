from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.simulation.drive import DrivePlan, plan_drive
from vpr_ros.simulation.odometry import OdometryNoise, noisy_odometry
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


@pytest.mark.slow
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
    assert [reading.stamp_ns for reading in believed] == [stamp for stamp, _ in drive]
    assert believed[0].T_odom_base.distance_m(Pose((0.0, 0.0, 0.0))) == 0.0
    truth = drive[0][1].inverse().compose(drive[-1][1])
    assert 0.05 < believed[-1].T_odom_base.distance_m(truth) < 30.0
    assert noisy_odometry(drive, seed=2)[-1].T_odom_base != believed[-1].T_odom_base
    exact = noisy_odometry(drive, 1, OdometryNoise(0.0, 0.0, 0.0, 0.0))
    assert exact[-1].T_odom_base.distance_m(truth) < 1e-6
    assert not exact[-1].covariance.any()
    driven_m = sum(before[1].distance_m(after[1]) for before, after in pairwise(drive))
    seconds = (drive[-1][0] - drive[0][0]) / 1e9
    speed_mps = np.mean([np.hypot(reading.forward_mps, reading.left_mps) for reading in exact[1:]])
    assert speed_mps == pytest.approx(driven_m / seconds, rel=0.01)
    assert noisy_odometry((), seed=1) == ()


@pytest.mark.slow
def test_odometry_knows_how_far_it_may_be_off(town: Town) -> None:
    drive = plan_drive(town, DrivePlan(distance_m=150.0))
    truth = drive[0][1].inverse().compose(drive[-1][1])
    nees = []
    for seed in range(200):
        last = noisy_odometry(drive, seed)[-1]
        off = last.T_odom_base
        yaw = (off.rotation * truth.rotation.inv()).as_euler("ZYX")[0]
        error = np.array([off.position_m[0] - truth.position_m[0], off.position_m[1] - truth.position_m[1], yaw])
        nees.append(error @ np.linalg.solve(last.covariance, error))
    # chi-square with 3 degrees of freedom: mean 3; its mean over 200 draws deviates by 0.17
    assert 2.4 < np.mean(nees) < 3.6
