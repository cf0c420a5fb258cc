# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The filter that the localizer asks: remembers earlier images and the motion between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.place_filter.belief import Belief, Hypothesis
from vpr_ros.localization.place_filter.config import FilterConfig
from vpr_ros.localization.place_filter.evidence import image_evidence
from vpr_ros.localization.place_filter.jump_gate import Impossible, JumpGate
from vpr_ros.localization.place_filter.motion import OLDEST_GAP_NS, Motion, OdometryReading, motion_between
from vpr_ros.localization.place_filter.places import Places
from vpr_ros.maps.place_map import PlaceMap

OUT_OF_ORDER_NS: Final = NS_PER_S
"""By so much the image of one camera may be older than another's before it; odometry knows the way back as well."""
MOST_HYPOTHESES: Final = 5
LEAST_MASS: Final = 0.01
SAME_IMAGE_SHARE: Final = 0.5
"""Two images that have as many of their candidates in common show one view."""
SAME_VIEW_S: Final = 10.0
"""A view that stays is new evidence once in so long: light and passers-by change."""
KNOWS_NOTHING: Final = 0.5
"""Where more of the belief than this lies nowhere in particular, the image decides alone."""
SAME_PLACE: Final = 0.8
"""Candidates with this share of the likeliest one's mass around them are at its place."""
SPEAKS_FOR: Final = 5.0
"""So many times likelier must an image make a place than not being on the map, to be given as an answer there."""


@dataclass(frozen=True, eq=False)
class Believed:
    """What is believed after an image.

    Attributes:
        probabilities: (K,) mass within the place radius of each candidate.
        first: the candidate that is to lead the answer.
        hypotheses: the likeliest places with their masses.
        off_map: mass of not being on the map.
        elsewhere: mass of all other places of the map.
        by_sequence: whether the sequence judged the answer; False: the image alone.
        motion: what was taken to lie between this image and the one before, in words.
    """

    probabilities: npt.NDArray[np.float64]
    first: int
    hypotheses: tuple[Hypothesis, ...]
    off_map: float
    elsewhere: float
    by_sequence: bool
    motion: str


@dataclass(frozen=True, eq=False)
class _Before:
    """The image before, and what the last one of each camera found."""

    stamp_ns: int
    odometry: OdometryReading | None
    frames: Mapping[str, frozenset[int]]


class PlaceFilter:
    """A discrete Bayes filter over the frames of a map, with a state for being off it. Not for several threads.

    Attributes:
        restarts: why it began anew, with how often.
        last: what is believed since the newest image, None before the first.
    """

    def __init__(
        self,
        position_m: npt.NDArray[np.float64],
        radius_m: float,
        config: FilterConfig = FilterConfig(),  # noqa: B008
        usual_odds: float = 1.0,
    ) -> None:
        """Index a map.

        Args:
            position_m: (N, 3) of its frames.
            radius_m: two frames nearer than this are the same place.
            config: see ``FilterConfig``.
            usual_odds: of right against wrong that the probabilities were calibrated with.
        """
        self.config = config
        self.restarts: dict[str, int] = {}
        self._usual_odds = usual_odds
        self._places = Places(position_m, radius_m)
        self._gate = JumpGate(radius_m)
        self._belief = Belief.unknown()
        self._before: _Before | None = None
        self._odometry: Callable[[], OdometryReading | None] | None = None
        self._to_forget = False
        self.last: Believed | None = None
        self._evidence = 1.0

    @classmethod
    def of_map(cls, place_map: PlaceMap, config: FilterConfig) -> PlaceFilter:
        """The filter over the frames of *place_map*, at the radius it was calibrated for."""
        calibration = place_map.manifest.calibration
        usual_odds = (calibration.samples_right + 1) / (calibration.samples_wrong + 1)
        return cls(place_map.frames.position_m, calibration.radius_m, config, usual_odds)

    def reset(self) -> None:
        """Forget everything before the next image. From any thread."""
        self._to_forget, self.last = True, None

    def _forget_where_asked(self) -> None:
        if self._to_forget:
            self._to_forget = False
            self._forget()

    def _forget(self) -> None:
        self._belief, self._before = Belief.unknown(), None
        self._gate.forget()

    def drive(self, odometry: Callable[[], OdometryReading | None]) -> None:
        """Say whom to ask where odometry has the robot at the time of the next image; asked when that was described."""
        self._odometry = odometry

    def update(
        self, stamp_ns: int, candidates: Candidates, probabilities: npt.NDArray[np.float64], camera: str = ""
    ) -> Believed:
        """Weigh an image.

        Args:
            stamp_ns: of the image.
            candidates: K >= 1, best first.
            probabilities: (K,) of each by this image alone.
            camera: whose image it is: a standing robot sees the same again through each of its cameras.
        """
        self._forget_where_asked()
        ask, self._odometry = self._odometry, None
        odometry = None if ask is None else ask()
        motion = self._motion(stamp_ns, odometry)
        share = self._new_evidence(candidates, motion, camera)
        frames = {} if self._before is None else self._before.frames
        found = frozenset(candidates.indices.tolist())
        self._before = _Before(stamp_ns, odometry, {**frames, camera: found})
        places, config = self._places, self.config
        belief = self._belief
        if motion is not None:
            self._gate.move(motion)
            belief = belief.moved(motion, places).flowed(config.kidnap_rate, config.leave_rate, share)
        knew = belief.elsewhere <= KNOWS_NOTHING
        evidence = image_evidence(candidates, probabilities, places.radius_m, places.count, self._usual_odds)
        self._belief = belief = belief.weighed(evidence, places, share)
        mass = belief.mass_at(candidates.position_m, places.radius_m)
        trusted = (evidence.likelihood > SPEAKS_FOR) & knew
        first = _first(mass, trusted)
        if not self._gate.backs(candidates.poses(first + 1)[first]):
            first, trusted = 0, np.zeros_like(trusted)
        self._evidence = share * float(probabilities[evidence.place == evidence.place[first]].max())
        self.last = Believed(
            np.where(trusted, mass, np.minimum(mass, probabilities)) if knew else probabilities,
            first,
            belief.hypotheses(places, MOST_HYPOTHESES, LEAST_MASS),
            belief.off_map,
            belief.elsewhere,
            bool(trusted[first]),
            "the first image" if motion is None else motion.words,
        )
        return self.last

    def impossible(self, T_map_base: Pose) -> Impossible | None:
        """Whether odometry makes a pose impossible that would be accepted; else it is remembered."""
        return self._gate.check(T_map_base, self._evidence, always=not self.config.jump_gate)

    def _motion(self, stamp_ns: int, odometry: OdometryReading | None) -> Motion | None:
        """Since the image before; None where there is none, or none that counts."""
        before = self._before
        if before is None:
            return None
        passed_ns = stamp_ns - before.stamp_ns
        if passed_ns < -OUT_OF_ORDER_NS or passed_ns > OLDEST_GAP_NS:
            why = "time ran back" if passed_ns < 0 else "time jumped ahead"
            self.restarts[why] = self.restarts.get(why, 0) + 1
            self._forget()
            return None
        return motion_between(before.odometry, odometry, abs(passed_ns) / NS_PER_S, self.config.top_speed_mps)

    def _new_evidence(self, candidates: Candidates, motion: Motion | None, camera: str) -> float:
        """How much of an image is new, 0..1: a standing robot sees the same again, errors and all.

        What shows another view is new whatever odometry says: a robot that is carried does not turn its wheels.
        """
        if motion is None or self._before is None:
            return 1.0
        same = len(set(candidates.indices.tolist()) & self._before.frames.get(camera, frozenset())) / len(candidates)
        other_view = max(0.0, 1.0 - same / SAME_IMAGE_SHARE)
        passed = max(other_view, motion.duration_s / SAME_VIEW_S)
        moved = motion.distance_m / self._places.radius_m if motion.measured else 1.0 - same
        return min(1.0, max(passed, moved))


def _first(mass: npt.NDArray[np.float64], speaks: npt.NDArray[np.bool_]) -> int:
    """The image's own best candidate at the likeliest place, of those it speaks for; at one place its order stays."""
    likeliest = float(np.where(speaks, mass, 0.0).max())
    return int(np.argmax(speaks & (mass >= SAME_PLACE * likeliest))) if likeliest > 0.5 else 0
