# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Answers whose truth is known, counted by how well they were proved; and from which proof on a rate of wrong holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, betainc

from vpr_ros.maps.manifest_values import count, items

Float = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = tuple[int, ...]

LEVELS: Final = tuple(range(50, 405, 5))
"""The proofs at which a line may be drawn, in inliers. They are fixed before anything is counted, as
learn-then-test wants them, and begin above what strangers reach: 49 of 7293 images of other places."""


@dataclass(frozen=True)
class Tally:
    """Answers by proof: entry i counts those from ``LEVELS[i]`` up to the next level; the last one all above.

    Attributes:
        right: answers of the right scene, near misses included.
        wrong: answers of a wrong place.
        unproved_right, unproved_wrong: those below the first level.
    """

    right: Counts = (0,) * len(LEVELS)
    wrong: Counts = (0,) * len(LEVELS)
    unproved_right: int = 0
    unproved_wrong: int = 0

    @classmethod
    def counted(cls, right: Counts, wrong: Counts) -> Tally:
        """From the first levels of each; nobody is at the others, nor below."""
        return cls(_filled(right), _filled(wrong))

    @classmethod
    def of(cls, proof: Float, is_wrong: Bools) -> Tally:
        """Count N answers.

        Args:
            proof: (N,) how well each is proved, see ``localization.proof``.
            is_wrong: (N,) whether it is in a wrong place.
        """
        level = np.searchsorted(LEVELS, proof, side="right")
        right, wrong = (np.bincount(level[chosen], minlength=len(LEVELS) + 1) for chosen in (~is_wrong, is_wrong))
        return cls(tuple(right[1:].tolist()), tuple(wrong[1:].tolist()), int(right[0]), int(wrong[0]))

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            tuple(np.add(self.right, other.right).tolist()),
            tuple(np.add(self.wrong, other.wrong).tolist()),
            self.unproved_right + other.unproved_right,
            self.unproved_wrong + other.unproved_wrong,
        )

    @property
    def answers(self) -> int:
        """How many were counted."""
        return sum(self.right) + sum(self.wrong) + self.unproved_right + self.unproved_wrong

    @property
    def wrong_answers(self) -> int:
        """How many of them were in a wrong place."""
        return sum(self.wrong) + self.unproved_wrong

    def from_level_on(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Answers proved at least as well as each level, and how many of those are wrong: (L,) each."""
        right, wrong = (np.cumsum(counts[::-1])[::-1] for counts in (self.right, self.wrong))
        return right + wrong, wrong

    def from_line_on(self, least_proof: float) -> tuple[int, int]:
        """How many answers are proved at least so well, by the levels, and how many of those are wrong."""
        level = int(np.searchsorted(LEVELS, least_proof))
        answers, wrong = self.from_level_on()
        return (int(answers[level]), int(wrong[level])) if level < len(LEVELS) else (0, 0)

    def line(self, rate: float, delta: float) -> float | None:
        """The lowest proof from which on at most *rate* of the answers are wrong, with probability 1 - *delta*.

        Learn-then-test (Angelopoulos et al., "Learn then Test", 2021) with one fixed sequence: levels from strict to
        loose, from the first one on at which enough answers were counted for the claim to be shown at all, each tested
        by the exact binomial tail, until one fails.

        Returns:
            A level that answers were counted at, for of what nobody saw nothing is known; None where not even the
            first one can be shown.
        """
        return self._lowest(
            fewest_answers(rate, delta), lambda wrong, answers: bool(bdtr(wrong, answers, rate) <= delta)
        )

    def likely_line(self, rate: float, delta: float) -> float | None:
        """The same of counts too small to show it by themselves, together with what is known of other maps.

        How seldom proved answers of other maps were wrong is a beta distribution, which the counts here sharpen. Such a
        line holds for that share of maps like those, and is not shown of this one.
        """
        enough = next(count for count in range(FEWEST_LIKELY, MOST_NEEDED) if _is_likely(0, count, rate, delta))
        return self._lowest(enough, lambda wrong, answers: _is_likely(wrong, answers, rate, delta))

    def _lowest(self, enough: int, holds: Callable[[int, int], bool]) -> float | None:
        """The lowest level from which on the rate holds, from strict to loose, where *enough* answers were counted."""
        answers, wrong = self.from_level_on()
        found, counted = None, 0
        for level, accepted, in_wrong_place in zip(LEVELS[::-1], answers[::-1], wrong[::-1], strict=True):
            if accepted < enough:
                continue
            if not holds(int(in_wrong_place), int(accepted)):
                break
            if accepted > counted:
                found, counted = float(level), accepted
        return found

    def reached_by(self, share: float) -> float:
        """The lowest level that no more than *share* of the answers reach; 0 where nothing was counted."""
        if not self.answers:
            return 0.0
        reached, _ = self.from_level_on()
        low = np.flatnonzero(reached <= share * self.answers)
        return float(LEVELS[low[0]]) if len(low) else math.inf

    def contradicted_up_to(self, rate: float) -> float:
        """The lowest level from which on no more than *rate* of the answers were wrong, as counted: no proof of it."""
        answers, wrong = self.from_level_on()
        bad = np.flatnonzero(wrong > rate * answers)
        return float(LEVELS[0] if not len(bad) else LEVELS[bad[-1] + 1] if bad[-1] + 1 < len(LEVELS) else math.inf)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for the manifest; empty levels at the end are left out."""
        return {
            "right": list(_trimmed(self.right)),
            "wrong": list(_trimmed(self.wrong)),
            "unproved_right": self.unproved_right,
            "unproved_wrong": self.unproved_wrong,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Tally:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        return cls(
            _counts(plain, "right"),
            _counts(plain, "wrong"),
            count(plain, "unproved_right", most=MOST_ANSWERS),
            count(plain, "unproved_wrong", most=MOST_ANSWERS),
        )


MOST_ANSWERS: Final = 10**7
"""Of one entry: sums stay exact."""


OTHERS_WRONG, OTHERS_RIGHT = 0.15, 15.0
"""Of other maps: 1 in 100 of their proved answers is in a wrong place, nearly all of these in one map of eight. The
likeliest beta distribution of those eight has 0.05 and 5.5; three times that gives each new map less credit."""
FEWEST_LIKELY, MOST_NEEDED = 20, 100_000
"""Answers that it takes at least, however loose the rate, and at most."""


def _is_likely(wrong: int, answers: int, rate: float, delta: float) -> bool:
    """Whether no more than *rate* are wrong with probability 1 - *delta*, by these answers and those of other maps."""
    return bool(betainc(OTHERS_WRONG + wrong, OTHERS_RIGHT + answers - wrong, rate) >= 1.0 - delta)


def fewest_answers(rate: float, delta: float) -> int:
    """How many answers, none of them wrong, show with probability 1 - *delta* that at most *rate* are: 230 for 1 %."""
    return math.ceil(math.log(delta) / math.log1p(-rate))


def _trimmed(counts: Counts) -> Counts:
    filled = np.flatnonzero(counts)
    return counts[: filled[-1] + 1] if len(filled) else ()


def _counts(plain: Mapping[str, Any], key: str) -> Counts:
    values = items(plain, key)
    if len(values) > len(LEVELS):
        raise ValueError(f"{key} has {len(values)} numbers, expected {len(LEVELS)} at most")
    return _filled(tuple(count({key: value}, key, most=MOST_ANSWERS) for value in values))


def _filled(counts: Counts) -> Counts:
    return counts + (0,) * (len(LEVELS) - len(counts))
