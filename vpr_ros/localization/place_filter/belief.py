# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A probability over the frames of a map that holds only the frames that matter, and one for everywhere else.

Each of the few frames has, besides its mass, the pose that odometry has since moved it to: motion shorter than the
distance between two frames is not lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.pose import Pose
from vpr_ros.localization.place_filter.evidence import MISSED, Float, ImageEvidence, distances_m
from vpr_ros.localization.place_filter.motion import Motion
from vpr_ros.localization.place_filter.places import Places

MOST_FRAMES: Final = 192
LEAST_MASS: Final = 1e-5
ANCHORED: Final = 0.5
"""Share of a supported frame's mass that goes over to the frames that the image found there."""
CELL_HASH: Final = np.array([73_856_093, 19_349_663, 83_492_791, 5_915_587, 1_500_450, 3_267_000_013])
"""Of a cell of place and heading."""
WIDEST_RADII: Final = 8.0
"""A frame that may be farther off than so many radii says no more than everywhere else does."""
OFF_AT_FIRST: Final = (1.0 - MISSED) / (2.0 - MISSED)
"""So that the first image alone is believed exactly as far as its calibration says."""


@dataclass(frozen=True)
class Hypothesis:
    """One place the robot may be at.

    Attributes:
        T_map_base: in the middle of its mass; without orientation where the map has none there.
        mass: its probability.
        frame_index: the map frame nearest to it.
    """

    T_map_base: Pose
    mass: float
    frame_index: int


@dataclass(frozen=True, eq=False)
class Belief:
    """Masses that sum to 1.

    Attributes:
        mass: (K,) of the frames that matter.
        position_m: (K, 3), where each of them is by now.
        quat_xyzw: (K, 4), a row of NaN where the orientation is unknown.
        slack_m: (K,) deviation of that position.
        elsewhere: mass of all other frames of the map together.
        off_map: mass of not being on the map.
    """

    mass: Float
    position_m: Float
    quat_xyzw: Float
    slack_m: Float
    elsewhere: float
    off_map: float

    @classmethod
    def unknown(cls) -> Belief:
        """Nothing is known yet."""
        none = np.empty(0)
        return cls(none, np.empty((0, 3)), np.empty((0, 4)), none, 1.0 - OFF_AT_FIRST, OFF_AT_FIRST)

    def __len__(self) -> int:
        return len(self.mass)

    def flowed(self, kidnap_rate: float, leave_rate: float, share: float) -> Belief:
        """Some of the mass goes everywhere, off the map, and comes back. *share* of a full step, 0..1."""
        kidnapped, left = kidnap_rate * share, leave_rate * share
        on_frames = float(self.mass.sum())
        elsewhere = self.elsewhere * (1 - left) + kidnapped * on_frames + left * self.off_map
        off_map = self.off_map * (1 - left) + left * (self.elsewhere + on_frames)
        return replace(self, mass=self.mass * (1 - kidnapped - left), elsewhere=elsewhere, off_map=off_map)

    def moved(self, motion: Motion, places: Places) -> Belief:
        """Every frame goes the same way; what comes to lie where no frame is has left the map."""
        if not len(self):
            return self
        position_m, quat_xyzw = self.position_m.copy(), self.quat_xyzw.copy()
        slack_m = np.hypot(self.slack_m, motion.deviation_m)
        known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(quat_xyzw).all(axis=1))
        known &= motion.T_before_now is not None
        if motion.T_before_now is not None and known.any():
            turn = Rotation.from_quat(quat_xyzw[known])
            position_m[known] += turn.apply(np.array(motion.T_before_now.position_m))
            quat_xyzw[known] = (turn * motion.T_before_now.rotation).as_quat()
        slack_m[~known] = self.slack_m[~known] + motion.distance_m
        return replace(self, position_m=position_m, quat_xyzw=quat_xyzw, slack_m=slack_m)._without_lost(places)

    def _without_lost(self, places: Places) -> Belief:
        """What has no frame near has left the map; what may be anywhere is elsewhere."""
        _, away_m = places.nearest(self.position_m)
        gone = away_m > 2.0 * places.radius_m + 2.0 * self.slack_m
        wide = self.slack_m > WIDEST_RADII * places.radius_m
        if not (gone | wide).any():
            return self
        off_map = self.off_map + float(self.mass[gone].sum())
        elsewhere = self.elsewhere + float(self.mass[wide & ~gone].sum())
        return replace(self._taken(~(gone | wide)), elsewhere=elsewhere, off_map=off_map)

    def weighed(self, evidence: ImageEvidence, places: Places, share: float) -> Belief:
        """Bayes' rule with the places that an image speaks for.

        Args:
            evidence: of the image.
            places: of the map.
            share: how much of it is new, 0..1: the likelihoods are taken to that power.
        """
        spread = 1.0 + 2.0 * self.slack_m / places.radius_m
        support = evidence.support(self.position_m, self.slack_m, places.radius_m) / spread
        mass = self.mass * np.maximum(support, MISSED) ** share
        found = evidence.likelihood[evidence.leader]
        born = self.elsewhere / places.count * found**share
        elsewhere = self.elsewhere * max(0.0, 1.0 - len(found) / places.count) * MISSED**share
        off_map = self.off_map
        total = float(mass.sum() + born.sum() + elsewhere + off_map)
        updated = replace(self, mass=mass / total, elsewhere=elsewhere / total, off_map=off_map / total)
        return updated._anchored(evidence, born / total, places, share)._joined(places)

    def _anchored(self, evidence: ImageEvidence, born: Float, places: Places, share: float) -> Belief:
        """New frames where the image found some, with their own mass and a share of those they speak for."""
        found = evidence.candidates
        weight = evidence.likelihood / np.bincount(evidence.place, evidence.likelihood)[evidence.place]
        away_m = distances_m(self.position_m, found.position_m[evidence.leader])
        near_m = places.radius_m + np.minimum(2.0 * self.slack_m, 2.0 * places.radius_m)[:, None]
        pull = np.where(away_m <= near_m, evidence.likelihood[evidence.leader], 0.0)
        total = pull.sum(axis=1)
        anchored = np.where(self.slack_m > 0.5 * places.radius_m, 1.0, ANCHORED * share) * (total > 0)
        pull /= np.where(total > 0, total, 1.0)[:, None]
        gained = born + (self.mass * anchored) @ pull
        return replace(
            self,
            mass=np.concatenate([self.mass * (1 - anchored), gained[evidence.place] * weight]),
            position_m=np.concatenate([self.position_m, found.position_m]),
            quat_xyzw=np.concatenate([self.quat_xyzw, found.quat_xyzw]),
            slack_m=np.concatenate([self.slack_m, np.full(len(found), 0.25 * places.radius_m)]),
        )

    def _joined(self, places: Places) -> Belief:
        """Frames at one place that look one way become one; the least go back to elsewhere."""
        cells = np.column_stack(
            [np.floor(self.position_m / (0.5 * places.radius_m)), np.round(1.5 * _ahead(self.quat_xyzw))]
        )
        _, first, group = np.unique(cells.astype(np.int64) @ CELL_HASH, return_index=True, return_inverse=True)
        group, count = group.reshape(-1), len(first)
        mass = _summed(group, self.mass, count)
        heaviest = np.zeros(count, dtype=np.int64)
        order = np.argsort(self.mass, kind="stable")
        heaviest[group[order]] = order  # the last one written is the heaviest
        weight = self.mass / np.where(mass > 0, mass, 1.0)[group]
        position_m = np.stack([_summed(group, weight * axis, count) for axis in self.position_m.T], axis=1)
        slack_m = _summed(group, weight * self.slack_m, count)
        kept = np.argsort(-mass, kind="stable")[:MOST_FRAMES]
        kept = kept[mass[kept] > LEAST_MASS]
        return replace(
            self,
            mass=mass[kept],
            position_m=position_m[kept],
            quat_xyzw=self.quat_xyzw[heaviest[kept]],
            slack_m=slack_m[kept],
            elsewhere=self.elsewhere + float(mass.sum() - mass[kept].sum()),
        )

    def mass_at(self, position_m: Float, radius_m: float) -> Float:
        """(K, 3) -> (K,) mass within the radius of each."""
        reach_m = radius_m + np.minimum(self.slack_m, radius_m)
        return np.asarray((distances_m(position_m, self.position_m) <= reach_m) @ self.mass)

    def hypotheses(self, places: Places, most: int, least_mass: float) -> tuple[Hypothesis, ...]:
        """Up to *most* places with a mass of at least *least_mass*, the likeliest first."""
        left = np.ones(len(self), dtype=np.bool_)
        found: list[tuple[Float, int, float]] = []
        for number in np.argsort(-self.mass, kind="stable").tolist():
            if len(found) == most or self.mass[left].sum() < least_mass:
                break
            if not left[number]:
                continue
            here = left & (distances_m(self.position_m[[number]], self.position_m)[0] <= 1.5 * places.radius_m)
            mass = float(self.mass[here].sum())
            if mass >= least_mass:
                found.append((self.mass[here] @ self.position_m[here] / mass, number, mass))
            left &= ~here
        if not found:
            return ()
        frames, _ = places.nearest(np.array([middle_m for middle_m, _, _ in found]))
        rows = sorted(zip(found, frames.tolist(), strict=True), key=lambda row: -row[0][2])
        return tuple(Hypothesis(self._pose(middle_m, number), mass, frame) for (middle_m, number, mass), frame in rows)

    def _pose(self, middle_m: Float, number: int) -> Pose:
        x, y, z = middle_m.tolist()
        if not np.isfinite(self.quat_xyzw[number]).all():
            return Pose((x, y, z), None)
        qx, qy, qz, qw = self.quat_xyzw[number].tolist()
        return Pose((x, y, z), (qx, qy, qz, qw))

    def _taken(self, kept: npt.NDArray[np.bool_]) -> Belief:
        return replace(
            self,
            mass=self.mass[kept],
            position_m=self.position_m[kept],
            quat_xyzw=self.quat_xyzw[kept],
            slack_m=self.slack_m[kept],
        )


def _ahead(quat_xyzw: Float) -> Float:
    """(K, 4) -> (K, 3) the x axis of each base in the map, zeros where the orientation is unknown."""
    x, y, z, w = quat_xyzw.T
    ahead = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)], axis=1)
    return np.asarray(np.nan_to_num(ahead))


def _summed(group: npt.NDArray[np.int64], values: Float, count: int) -> Float:
    """(K,) numbers of groups, (K,) values -> (count,) sums."""
    return np.asarray(np.bincount(group, values, count), dtype=np.float64)
