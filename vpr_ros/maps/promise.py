# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map can promise: how many of its accepted answers are in a wrong place, and from which proof on.

A wrong place is one beyond twice the place radius; nearer is a near miss, which the covariance has to contain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from vpr_ros.maps.manifest_values import count, items, number, text
from vpr_ros.maps.other_maps import ASKED_THEMSELVES, NEVER_ASKED
from vpr_ros.maps.tally import Tally

Source = Literal["calibrated", "held_out", "default"]
"""Where a promise comes from: drives with known poses, the map's own frames, or other maps."""

RATES: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""What is tried where the rate asked for cannot be promised; beyond the last one there is no promise."""
LOOSEST_RATE: Final = RATES[-1]
USUAL_DELTA: Final = 0.1
MOST_DRIVES: Final = 100
NOTHING: Final = Tally()
UNKNOWN_UNPOSED_WORTH: Final = 1 / 3
"""Of a map that was never asked: in a room, inliers without a pose prove its places so much less."""
FEWEST_ASKED: Final = 20
"""A map that was asked about fewer of its frames knows too little of which of its places look alike."""
SHARE_OF_MIRRORED: Final = 0.75
SHARE_WHERE_LOOSE: Final = 0.7
STRICT_RATE: Final = 0.01
"""Of the proof that the map's own frames gave of a wrong place, what another day's images are taken to give: they share
fewer keypoints with the map than those of its own drive. Chosen on eight sets, see docs/trust.md."""
PAIRS: Final = 2
"""Places that look alike come in pairs, and both are asked about."""


@dataclass(frozen=True)
class Vouched:
    """A promise that can be kept.

    Attributes:
        rate: at most this share of the accepted answers is in a wrong place; 0.1 or less.
        asked_rate: what was asked for.
        least_proof: from which proof on an answer is accepted.
        source: what it rests on.
    """

    rate: float
    asked_rate: float
    least_proof: float
    source: Source

    @property
    def is_as_asked(self) -> bool:
        """Whether the rate is the one that was asked for."""
        return self.rate <= self.asked_rate


@dataclass(frozen=True)
class Drive:
    """A second drive through the map, with poses, and what the map answered.

    Attributes:
        name: of the drive.
        created_utc: when it was asked, ISO 8601.
        answers: its answers.
        near_misses: how many of those counted as right were between one and two radii away.
        condition: such as "night"; "" none was given.
    """

    name: str
    created_utc: str
    answers: Tally
    near_misses: int = 0
    condition: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for the manifest."""
        return {
            "name": self.name,
            "created_utc": self.created_utc,
            "condition": self.condition,
            "near_misses": self.near_misses,
            "answers": self.answers.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Drive:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        return cls(
            text(plain, "name"),
            text(plain, "created_utc"),
            Tally.from_dict(plain["answers"]),
            count(plain, "near_misses"),
            text(plain, "condition"),
        )


@dataclass(frozen=True)
class Promise:
    """What a map knows of how well wrong places of it can be proved.

    Attributes:
        left_out: answers to its own frames with their whole place left out, all of them wrong: which of its places
            look alike. An empty one: it was never asked, or is too small.
        mirrored: answers to its own frames mirrored: which of its places look like other ones that are not in it.
        unposed_worth: what inliers that have depths are worth where no pose was sought: so little that its own frames
            prove no more wrong places than with one.
        drives: the drives it was calibrated on.
    """

    left_out: Tally = NOTHING
    mirrored: Tally = NOTHING
    unposed_worth: float = UNKNOWN_UNPOSED_WORTH
    drives: tuple[Drive, ...] = ()

    @property
    def source(self) -> Source:
        """The best it has."""
        return "calibrated" if self.drives else self._own

    @property
    def _own(self) -> Source:
        return "held_out" if self.left_out.answers >= FEWEST_ASKED else "default"

    def vouched(self, rate: float, delta: float) -> Vouched | None:
        """The promise of *rate*, or of the least rate above it that can be made; None where there is none.

        Args:
            rate: share of accepted answers that may be in a wrong place.
            delta: probability that the promise itself is wrong.
        """
        for tried in (min(rate, LOOSEST_RATE), *(other for other in RATES if other > rate)):
            if (line := self._line(tried, delta)) is not None:
                return Vouched(tried, rate, *line)
        return None

    def _line(self, rate: float, delta: float) -> tuple[float, Source] | None:
        """From which proof on *rate* holds, and why; None where nothing says so."""
        drives = sum((drive.answers for drive in self.drives), NOTHING)
        if self.drives and (of_drives := drives.line(rate, delta)) is not None:
            return of_drives, "calibrated"
        known = max((other for other in RATES if other <= rate), default=RATES[0])
        others = ASKED_THEMSELVES[known] if self._own == "held_out" else NEVER_ASKED
        if (of_others := others.line(rate, delta)) is None:
            return None
        own = max(self.alike_up_to(known), drives.contradicted_up_to(rate))
        return None if math.isinf(own) else (max(of_others, own), self._own)

    def alike_up_to(self, rate: float) -> float:
        """The proof that *rate* of the wrong answers to its own frames reach, as far as another day's images would."""
        left_out, mirrored = (tally.reached_by(rate / PAIRS) for tally in (self.left_out, self.mirrored))
        share = 1.0 if rate <= STRICT_RATE else SHARE_WHERE_LOOSE
        return share * max(left_out, SHARE_OF_MIRRORED * mirrored)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for the manifest; with what can be promised at the usual confidence, to be read."""
        lines = {f"{rate:g}": self.vouched(rate, USUAL_DELTA) for rate in RATES}
        return {
            "source": self.source,
            "vouched": {
                asked: None if line is None or not line.is_as_asked else line.least_proof
                for asked, line in lines.items()
            },
            "left_out": self.left_out.to_dict(),
            "mirrored": self.mirrored.to_dict(),
            "unposed_worth": self.unposed_worth,
            "drives": [drive.to_dict() for drive in self.drives],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Promise:
        """Read what ``to_dict`` wrote; ``source`` and ``vouched`` follow from the rest.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        drives = items(plain, "drives")
        if len(drives) > MOST_DRIVES:
            raise ValueError(f"drives has {len(drives)} entries, expected {MOST_DRIVES} at most")
        left_out, mirrored = (Tally.from_dict(plain[key]) for key in ("left_out", "mirrored"))
        unposed_worth = number(plain, "unposed_worth", 0.0, 1.0)
        return cls(left_out, mirrored, unposed_worth, tuple(map(Drive.from_dict, drives)))
