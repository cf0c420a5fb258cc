# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Sequences matched by similarity alone: what a filter is compared with.

Plain averaging: a map frame scores the mean similarity of the last images, each with the frame so far behind it as
odometry says. SeqSLAM (Milford and Wyeth, "SeqSLAM: visual route-based navigation for sunny summer days and stormy
winter nights", ICRA 2012): similarities are normalised among their neighbours along the map first, several speeds are
tried, and a match counts by how far it stands above the best one elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

IMAGES: Final = 10
"""So many are matched together; SeqSLAM's ds."""
NEIGHBOURS: Final = 10
"""Map frames among which a similarity is normalised and a match must stand out; SeqSLAM's Rwindow."""
SPEEDS: Final = (0.8, 0.9, 1.0, 1.1, 1.2)


@dataclass(frozen=True, eq=False)
class SequenceMatches:
    """The best map frame of every image.

    Attributes:
        frame: (Q,) its number.
        score: (Q,) larger is surer.
    """

    frame: npt.NDArray[np.int64]
    score: Float


@dataclass(frozen=True, eq=False)
class Track:
    """The way of a map: its frames in the order of the drives.

    Attributes:
        order: (N,) numbers of the frames.
        along_m: (N,) how far each is along its drive, drives far apart.
    """

    order: npt.NDArray[np.int64]
    along_m: Float

    @classmethod
    def of(cls, session: npt.NDArray[np.int64], stamp_ns: npt.NDArray[np.int64], position_m: Float) -> Track:
        """Order N frames by session and time."""
        order = np.lexsort((stamp_ns, session))
        steps_m = np.linalg.norm(np.diff(position_m[order], axis=0), axis=1)
        steps_m[np.diff(session[order]) != 0] = 1e9
        return cls(order.astype(np.int64), np.concatenate([[0.0], np.cumsum(steps_m)]))

    @property
    def spacing_m(self) -> float:
        """Usual distance between two frames."""
        return float(np.median(np.diff(self.along_m))) if len(self.order) > 1 else 1.0

    def behind(self, distance_m: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """(N,) place in the order of the frame so far behind each, and whether there is one near."""
        wanted_m = self.along_m - distance_m
        after = np.clip(np.searchsorted(self.along_m, wanted_m), 1, max(1, len(self.along_m) - 1))
        before = after - 1
        nearer = np.abs(self.along_m[before] - wanted_m) <= np.abs(self.along_m[after] - wanted_m)
        found = np.where(nearer, before, after).astype(np.int64)
        return found, np.abs(self.along_m[found] - wanted_m) <= 2.0 * self.spacing_m


def averaged(similarities: Float, travelled_m: Float | None, track: Track) -> SequenceMatches:
    """Mean similarity of the last images along odometry.

    Args:
        similarities: (Q, N) cosine of every query with every frame.
        travelled_m: (Q,) way of the robot until each query by odometry; None takes it to move as the map's did.
        track: of the map.
    """
    return _matched(similarities[:, track.order], travelled_m, track, (1.0,), by_margin=False)


def seqslam(similarities: Float, travelled_m: Float | None, track: Track) -> SequenceMatches:
    """SeqSLAM's sequence matching; see ``averaged``."""
    enhanced = np.stack([_enhanced(row) for row in similarities[:, track.order]])
    return _matched(enhanced, travelled_m, track, SPEEDS, by_margin=True)


def _matched(
    rows: Float, travelled_m: Float | None, track: Track, speeds: tuple[float, ...], *, by_margin: bool
) -> SequenceMatches:
    way_m = np.arange(len(rows)) * track.spacing_m if travelled_m is None else travelled_m
    frames, scores = [], []
    for number in range(len(rows)):
        first = max(0, number - IMAGES + 1)
        score = np.max([_mean(rows[first : number + 1], way_m[number] - way_m[first : number + 1], track, speed)
                        for speed in speeds], axis=0)  # fmt: skip
        best = int(score.argmax())
        frames.append(int(track.order[best]))
        elsewhere = np.abs(np.arange(len(score)) - best) > NEIGHBOURS
        margin = by_margin and elsewhere.any()
        scores.append(float(score[best] - score[elsewhere].max()) if margin else float(score[best]))
    return SequenceMatches(np.array(frames, dtype=np.int64), np.array(scores))


def _mean(rows: Float, behind_m: Float, track: Track, speed: float) -> Float:
    """(N,) mean over L rows, each read so far behind; where the way begins after that, its usual value counts."""
    total = np.zeros(rows.shape[1])
    for row, distance_m in zip(rows, behind_m.tolist(), strict=True):
        found, there = track.behind(speed * distance_m)
        total += np.where(there, row[found], row.mean())
    return total / len(rows)


def _enhanced(row: Float) -> Float:
    """(N,) similarities in deviations from those of their neighbours along the map."""
    window = min(2 * NEIGHBOURS + 1, len(row))
    kernel = np.ones(window) / window
    count = np.convolve(np.ones(len(row)), kernel, mode="same")
    mean = np.convolve(row, kernel, mode="same") / count
    variance = np.convolve(row**2, kernel, mode="same") / count - mean**2
    return np.asarray((row - mean) / np.sqrt(np.maximum(variance, 1e-8)))
