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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from vpr_ros.maps.drive import Drive
from vpr_ros.maps.manifest_values import number
from vpr_ros.maps.other_maps import ASKED_THEMSELVES, NEVER_ASKED
from vpr_ros.maps.tally import Tally

Source = Literal["calibrated", "short_drive", "held_out", "default"]
"""Where a promise comes from: drives with known poses, drives too short for it by themselves together with other maps,
the map's own frames, or other maps."""
SHOWN: Final[Source] = "calibrated"
LIKELY: Final[Source] = "short_drive"

RATES: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""What is tried where the rate asked for cannot be promised; beyond the last one there is no promise."""
LOOSEST_RATE: Final = RATES[-1]
USUAL_DELTA: Final = 0.1
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
class Promise:
    """What a map knows of how well wrong places of it can be proved.

    Attributes:
        left_out: answers to its own frames with their whole place left out, all of them wrong: which of its places
            look alike. An empty one: it was never asked, or is too small.
        mirrored: answers to its own frames mirrored: which of its places look like other ones that are not in it.
        unposed_worth: what inliers that have depths are worth where no pose was sought: so little that its own frames
            prove no more wrong places than with one.
        drives: those it was calibrated on; the manifest keeps them apart, see ``MapManifest.drives``.
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
        drives = self._answers_of(self.drives)
        for shown, source in ((Tally.line, SHOWN), (Tally.likely_line, LIKELY)):
            if self.drives and shown(drives, rate, delta) is not None:
                of_drives = max(of_them for of_them in self._lines(shown, rate, delta) if of_them is not None)
                line = max(of_drives, self._mirrored_up_to(rate))
                if math.isfinite(line):
                    return line, source
        if (of_others := self._others(rate).line(rate, delta)) is None:
            return None
        counted = (self._answers_of(some).contradicted_up_to(rate) for some in (self.drives, *self._conditions()))
        own = max(self.alike_up_to(_known(rate)), *counted)
        return None if math.isinf(own) else (max(of_others, own), self._own)

    def counted(self, vouched: Vouched) -> tuple[int, int]:
        """On how many answers of drives, or of other maps, from its line on *vouched* rests; and how many are wrong."""
        drives = vouched.source in (SHOWN, LIKELY)
        answers = self._answers_of(self.drives) if drives else self._others(vouched.rate)
        return answers.from_line_on(vouched.least_proof)

    def _others(self, rate: float) -> Tally:
        return ASKED_THEMSELVES[_known(rate)] if self._own == "held_out" else NEVER_ASKED

    def _lines(
        self, shown: Callable[[Tally, float, float], float | None], rate: float, delta: float
    ) -> Iterator[float | None]:
        """From which proof on *rate* holds on all drives, and in each condition by itself: as *shown*, or as counted.

        A robot does not know whether it is night: what holds on average over its days need not hold tonight.
        """
        yield shown(self._answers_of(self.drives), rate, delta)
        for drives in self._conditions():
            of_it = self._answers_of(drives)
            line = shown(of_it, rate, delta)
            yield of_it.contradicted_up_to(rate) if line is None else line

    def _conditions(self) -> Iterator[tuple[Drive, ...]]:
        """The drives of each condition that somebody named."""
        for condition in dict.fromkeys(drive.condition for drive in self.drives if drive.condition):
            yield tuple(drive for drive in self.drives if drive.condition == condition)

    @staticmethod
    def _answers_of(drives: Iterable[Drive]) -> Tally:
        return sum((drive.answers for drive in drives), NOTHING)

    def alike_up_to(self, rate: float) -> float:
        """The proof that *rate* of the wrong answers to its own frames reach, as far as another day's images would."""
        share = 1.0 if rate <= STRICT_RATE else SHARE_WHERE_LOOSE
        return max(share * self.left_out.reached_by(rate / PAIRS), self._mirrored_up_to(rate))

    def _mirrored_up_to(self, rate: float) -> float:
        """The same of its mirrored frames alone, which no drive meets and a drive therefore says nothing of."""
        share = 1.0 if rate <= STRICT_RATE else SHARE_WHERE_LOOSE
        return share * SHARE_OF_MIRRORED * self.mirrored.reached_by(rate / PAIRS)

    def to_be_read(self) -> dict[str, Any]:
        """What can be promised at the usual confidence, by rate; nothing reads it but people and scripts."""
        lines = {f"{rate:g}": self.vouched(rate, USUAL_DELTA) for rate in RATES}
        return {
            "source": self.source,
            "vouched": {
                asked: None if line is None or not line.is_as_asked else line.least_proof
                for asked, line in lines.items()
            },
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for the manifest."""
        return {
            "left_out": self.left_out.to_dict(),
            "mirrored": self.mirrored.to_dict(),
            "unposed_worth": self.unposed_worth,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Promise:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        left_out, mirrored = (Tally.from_dict(plain[key]) for key in ("left_out", "mirrored"))
        unposed_worth = number(plain, "unposed_worth", 0.0, 1.0)
        return cls(left_out, mirrored, unposed_worth)


def _known(rate: float) -> float:
    """The rate at which other maps were counted."""
    return max((other for other in RATES if other <= rate), default=RATES[0])
