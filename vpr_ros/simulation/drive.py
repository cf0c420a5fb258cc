"""Drives: where the robot is at which time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.simulation.route import plan_route
from vpr_ros.simulation.streets import FloatArray
from vpr_ros.simulation.town import Town

StampedPose = tuple[int, Pose]
"""stamp_ns, T_map_base."""


@dataclass(frozen=True)
class DrivePlan:
    """How to drive through a town.

    Attributes:
        route_seed: which closed way through all streets.
        speed_mps: constant.
        rate_hz: of poses and images.
        lateral_offset_m: to the left of the lane's middle.
        other_lane: on the wrong side of the road, as another road user or a sidewalk robot sees it.
        reverse: the same way in the other direction, in its own right lane.
        lateral_jitter_m, heading_jitter_rad: standard deviations of a slow wander.
        jitter_seed: of the wander; give every drive its own.
        start_share: where on the way the drive begins, 0..1.
        distance_m: how far to go; once around where None.
        start_ns: time of the first pose.
    """

    route_seed: int = 0
    speed_mps: float = 6.0
    rate_hz: float = 5.0
    lateral_offset_m: float = 0.0
    other_lane: bool = False
    reverse: bool = False
    lateral_jitter_m: float = 0.15
    heading_jitter_rad: float = 0.02
    jitter_seed: int = 0
    start_share: float = 0.0
    distance_m: float | None = None
    start_ns: int = 1_700_000_000_000_000_000

    def __post_init__(self) -> None:
        """Refuse what cannot be driven.

        Raises:
            ConfigError: a speed, rate or distance that is not positive and finite.
        """
        for name in ("speed_mps", "rate_hz", "distance_m"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"found {name}={value!r}, expected a positive number", f"Change {name}")


def plan_drive(town: Town, plan: DrivePlan) -> tuple[StampedPose, ...]:
    """Drive: time and ``T_map_base`` of every frame, on the ground, base x ahead and y to the left."""
    route = plan_route(plan.route_seed, town.plan)
    if plan.reverse:
        route = route.reversed()
    lane_m = -route.lane_m if plan.other_lane else route.lane_m
    route = route.shifted(lane_m - plan.lateral_offset_m)
    rng = np.random.default_rng([plan.jitter_seed, 101])
    route = route.shifted(_wander(rng, len(route.xy), 8.0 / route.step_m) * plan.lateral_jitter_m)
    along = np.roll(route.xy, -1, axis=0) - np.roll(route.xy, 1, axis=0)
    heading = np.unwrap(np.arctan2(along[:, 1], along[:, 0]))
    heading = heading + _wander(rng, len(heading), 4.0 / route.step_m) * plan.heading_jitter_rad
    distance_m = route.length_m if plan.distance_m is None else plan.distance_m
    at_m = np.arange(0.0, distance_m, plan.speed_mps / plan.rate_hz) + plan.start_share * route.length_m
    poses = []
    for k, travelled_m in enumerate(at_m):
        i = (travelled_m / route.step_m) % len(route.xy)
        a, share = int(i), i - int(i)
        b = (a + 1) % len(route.xy)
        x, y = route.xy[a] * (1 - share) + route.xy[b] * share
        turn = math.remainder(heading[b] - heading[a], math.tau)
        stamp_ns = plan.start_ns + round(k * NS_PER_S / plan.rate_hz)
        poses.append((stamp_ns, Pose.from_xy_yaw(float(x), float(y), float(heading[a] + share * turn))))
    return tuple(poses)


def _wander(rng: np.random.Generator, count: int, samples: float) -> FloatArray:
    """Draw slow noise of unit deviation that closes with the route."""
    noise = gaussian_filter1d(rng.standard_normal(count), samples, mode="wrap")
    return np.asarray(noise / max(float(noise.std()), 1e-9))
