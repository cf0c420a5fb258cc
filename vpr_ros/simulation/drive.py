# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
        kidnaps: how often the robot is carried elsewhere on its way, which its wheels do not notice.
        detour_m: about how far it goes off the map, around a block of another town; 0: nowhere.
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
    kidnaps: int = 0
    detour_m: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be driven.

        Raises:
            ConfigError: a speed, rate or distance that is not positive and finite, a number of kidnappings or a detour
                that is negative.
        """
        for name in ("speed_mps", "rate_hz", "distance_m"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"found {name}={value!r}, expected a positive number", f"Change {name}")
        if self.kidnaps < 0 or not (math.isfinite(self.detour_m) and self.detour_m >= 0):
            raise ConfigError(
                f"found kidnaps={self.kidnaps}, detour_m={self.detour_m!r}, expected 0 or more", "Change them"
            )


@dataclass(frozen=True, eq=False)
class Way:
    """The line that a drive follows, closed.

    Attributes:
        xy: (N, 2) metres, evenly sampled.
        heading: (N,) radians, without leaps.
        step_m: between two samples.
    """

    xy: FloatArray
    heading: FloatArray
    step_m: float

    @classmethod
    def of(cls, town: Town, plan: DrivePlan) -> Way:
        """The way through *town*, in its lane and with the wander of this drive."""
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
        return cls(route.xy, heading, route.step_m)

    @property
    def length_m(self) -> float:
        """Once around."""
        return len(self.xy) * self.step_m

    def pose(self, travelled_m: float) -> Pose:
        """``T_map_base`` so far along the way, on the ground."""
        i = (travelled_m / self.step_m) % len(self.xy)
        a, share = int(i), i - int(i)
        b = (a + 1) % len(self.xy)
        x, y = self.xy[a] * (1 - share) + self.xy[b] * share
        turn = math.remainder(self.heading[b] - self.heading[a], math.tau)
        return Pose.from_xy_yaw(float(x), float(y), float(self.heading[a] + share * turn))


def plan_drive(town: Town, plan: DrivePlan) -> tuple[StampedPose, ...]:
    """Drive: time and ``T_map_base`` of every frame, on the ground, base x ahead and y to the left.

    Without what befalls the drive, see ``mishaps.plan_moments``.
    """
    way = Way.of(town, plan)
    distance_m = way.length_m if plan.distance_m is None else plan.distance_m
    at_m = np.arange(0.0, distance_m, plan.speed_mps / plan.rate_hz) + plan.start_share * way.length_m
    stamps_ns = (plan.start_ns + round(k * NS_PER_S / plan.rate_hz) for k in range(len(at_m)))
    return tuple((stamp_ns, way.pose(travelled_m)) for stamp_ns, travelled_m in zip(stamps_ns, at_m, strict=True))


def _wander(rng: np.random.Generator, count: int, samples: float) -> FloatArray:
    """Draw slow noise of unit deviation that closes with the route."""
    noise = gaussian_filter1d(rng.standard_normal(count), samples, mode="wrap")
    return np.asarray(noise / max(float(noise.std()), 1e-9))
