# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Descriptors of a drive as long as one likes, distributed as those of a real map are.

A real map says in which directions its descriptors differ, how much, and how fast each of these numbers changes from
frame to frame. A longer drive is drawn from that: each number follows its own first-order autoregression along the
track, so that neighbours look alike and places far apart as little as those of the map do.

Another day changes most what changes fast along the track. On pairs of drives the correlation along a direction between
days is about that between neighbouring frames: along directions 1 to 10, to 20, to 40 and to 80 of a garden path (both
sides of it) 0.85, 0.70, 0.44, 0.18 beside 0.90, 0.77, 0.54, 0.14; of a simulated street by day and at dusk 0.93, 0.84,
0.71, 0.48 beside 0.95, 0.86, 0.70, 0.28 (development figures). So a place seen again is a frame so many steps on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter, lfiltic

Float = npt.NDArray[np.float32]

MOST_DIRECTIONS = 512
FRAMES_AT_ONCE = 8192
LEAST_STEADY, MOST_STEADY = 0.05, 0.999
LEAST_STEPS, MOST_STEPS, HALVINGS = 0.1, 64.0, 6
"""How much another day may change; halved so often, what was looked for is known to a tenth."""
LEAST_SPREAD = 1e-6
"""Of a direction, as a share of the largest: what is less is rounding."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """How the descriptors of a map are distributed.

    Attributes:
        mean: (D,) of all.
        directions: (R, D) in which they differ, of unit length, at right angles.
        spread: (R,) standard deviation along each.
        steady: (R,) correlation of neighbours in the track along each, 0..1.
    """

    mean: Float
    directions: Float
    spread: Float
    steady: Float

    @classmethod
    def of(cls, descriptors: Float) -> Likeness:
        """That of (N, D) *descriptors* in the order of the track."""
        mean = descriptors.mean(axis=0)
        numbers, spread, directions = np.linalg.svd(descriptors - mean, full_matrices=False)
        kept = min(MOST_DIRECTIONS, int(np.sum(spread > LEAST_SPREAD * spread[0])))
        numbers, spread = numbers[:, :kept], spread[:kept] / np.sqrt(len(descriptors))
        steady = np.sum(numbers[1:] * numbers[:-1], axis=0) / np.sum(numbers**2, axis=0)
        return cls(mean, directions[:kept], spread, np.clip(steady, LEAST_STEADY, MOST_STEADY))

    def numbers(self, descriptors: Float) -> Float:
        """(F, R) of which (F, D) *descriptors* are made, with what lies in no direction left out."""
        return np.asarray((descriptors - self.mean) @ self.directions.T / self.spread, dtype=np.float32)

    def widened(self, dim: int, rng: np.random.Generator) -> Likeness:
        """The same in *dim* dimensions, more than it has: angles stay as they are."""
        turned, _ = np.linalg.qr(rng.standard_normal((dim, len(self.mean))))
        turned = turned.astype(np.float32)
        return Likeness(turned @ self.mean, self.directions @ turned.T, self.spread, self.steady)

    def drive(self, frames: int, rng: np.random.Generator) -> Iterator[Float]:
        """(F, R) numbers of *frames* frames along a track, some at a time."""
        state = rng.standard_normal(len(self.spread))
        for start in range(0, frames, FRAMES_AT_ONCE):
            news = rng.standard_normal((min(FRAMES_AT_ONCE, frames - start), len(self.spread)))
            news *= np.sqrt(1.0 - self.steady**2)
            for number, steady in enumerate(self.steady):
                begun = lfiltic([1.0], [1.0, -steady], [state[number]])
                news[:, number], _ = lfilter([1.0], [1.0, -steady], news[:, number], zi=begun)
            state = news[-1]
            yield news.astype(np.float32)

    def descriptors(self, numbers: Float) -> Float:
        """(F, D) of unit length, of (F, R) numbers."""
        rows = self.mean + (numbers * self.spread) @ self.directions
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def seen_again(self, numbers: Float, steps: float, rng: np.random.Generator) -> Float:
        """(F, D) of the same places another day, which changes them as much as so many *steps* along the track do."""
        kept = self.steady.astype(np.float64) ** steps
        other = rng.standard_normal(numbers.shape)
        return self.descriptors((kept * numbers + np.sqrt(1.0 - kept**2) * other).astype(np.float32))


def hardest_steps(right: Callable[[float], float], wanted: float) -> float:
    """How much another day may change so that still a share *wanted* of places is found.

    Args:
        right: share that is found where another day changes them as much as so many steps do.
        wanted: 0..1; where not even the least change leaves so many, that one is taken.
    """
    fewer, more = LEAST_STEPS, MOST_STEPS
    for _ in range(HALVINGS):
        steps = float(np.sqrt(fewer * more))
        if right(steps) < wanted:
            more = steps
        else:
            fewer = steps
    return fewer
