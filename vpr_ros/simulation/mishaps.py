# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What befalls a drive on its way: it is carried elsewhere, or leaves the town for a while.

A detour goes once around a block of another town, which a map of this one does not know, and comes back to where it
left: so wheels see one drive without a seam. In the truth that town lies far in the east.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.simulation.drive import DrivePlan, StampedPose, Way
from vpr_ros.simulation.town import Town

FAR_EAST_M: Final = 10_000.0
NEAREST_LANDING, FARTHEST_LANDING = 0.25, 0.75
"""Shares of the whole way by which a carried robot gets ahead."""
SMALLEST_BLOCK_M: Final = 60.0
CORNERS_TAKE: Final = 0.9
"""Of a block's outline: how long the way around it is with rounded corners, in its lane."""


@dataclass(frozen=True)
class Moment:
    """One frame of a drive.

    Attributes:
        stamp_ns: its time.
        T_map_base: where it is in the truth.
        T_town_base: where it is in the town that is seen.
        elsewhere: whether that is the other town.
        T_start_wheels: where its wheels have brought it, from where it began: nobody turns them who carries it.
    """

    stamp_ns: int
    T_map_base: Pose
    T_town_base: Pose
    elsewhere: bool
    T_start_wheels: Pose

    @property
    def truth(self) -> StampedPose:
        """Time and true pose."""
        return self.stamp_ns, self.T_map_base

    @property
    def driven(self) -> StampedPose:
        """Time and what exact wheels say."""
        return self.stamp_ns, self.T_start_wheels


def other_town(town: Town, plan: DrivePlan) -> Town:
    """The town of the detour: one block, as large as the detour asks."""
    block_m = max(SMALLEST_BLOCK_M, plan.detour_m / 4.0 / CORNERS_TAKE)
    return Town(town.seed + 1_000_003, 1, 1, block_m)


def plan_moments(town: Town, elsewhere: Town | None, plan: DrivePlan) -> tuple[Moment, ...]:
    """Every frame of a drive with what befalls it.

    Args:
        town: where.
        elsewhere: where the detour goes; None: there is none.
        plan: of the drive.
    """
    way = Way.of(town, plan)
    step_m = plan.speed_mps / plan.rate_hz
    at_m = np.arange(0.0, way.length_m if plan.distance_m is None else plan.distance_m, step_m)
    at_m = at_m + plan.start_share * way.length_m
    landings = _landings(plan, len(at_m), way.length_m)
    detour_at = round((plan.kidnaps + 0.5) / (plan.kidnaps + 1) * len(at_m)) if elsewhere is not None else None
    track = _Track(plan)
    ahead_m = 0.0
    for number, travelled_m in enumerate(at_m.tolist()):
        carried = number in landings
        ahead_m += landings.get(number, 0.0)
        pose = way.pose(travelled_m + ahead_m)
        track.drive(pose, carried=carried)
        if elsewhere is not None and number == detour_at:
            around = Way.of(elsewhere, plan)
            for gone_m in np.arange(step_m, around.length_m, step_m).tolist():
                track.leave(pose, around.pose(0.0), around.pose(gone_m))
    return tuple(track.moments)


def _landings(plan: DrivePlan, frames: int, length_m: float) -> dict[int, float]:
    """Frame -> how far ahead on the way the robot is put down before it is taken."""
    rng = np.random.default_rng([plan.jitter_seed, 103])
    numbers = [round((k + 1) / (plan.kidnaps + 1) * frames) for k in range(plan.kidnaps)]
    return {number: float(rng.uniform(NEAREST_LANDING, FARTHEST_LANDING)) * length_m for number in numbers}


class _Track:
    """The moments so far."""

    def __init__(self, plan: DrivePlan) -> None:
        self.moments: list[Moment] = []
        self._plan = plan
        self._before: Pose | None = None

    def drive(self, pose: Pose, *, carried: bool) -> None:
        """In the town of the map."""
        self._take(pose, pose, pose, carried=carried)

    def leave(self, left_at: Pose, entry: Pose, pose: Pose) -> None:
        """In the other town, whose *entry* is joined to where the map was left."""
        continued = left_at.compose(entry.between(pose))
        x, y, z = continued.position_m
        truth = Pose((x + FAR_EAST_M, y, z), continued.quat_xyzw)
        self._take(truth, pose, continued, elsewhere=True)

    def _take(
        self, truth: Pose, seen: Pose, continued: Pose, *, elsewhere: bool = False, carried: bool = False
    ) -> None:
        wheels = self.moments[-1].T_start_wheels if self.moments else continued
        if self._before is not None and not carried:
            wheels = wheels.compose(self._before.between(continued))
        self._before = continued
        stamp_ns = self._plan.start_ns + round(len(self.moments) * NS_PER_S / self._plan.rate_hz)
        self.moments.append(Moment(stamp_ns, truth, seen, elsewhere, wheels))
