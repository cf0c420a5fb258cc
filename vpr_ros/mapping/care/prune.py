# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which frames of a map can go without loss: measured by what the map answers about its own frames.

Frames are thinned evenly over their viewpoints, to a quarter of a place; each frame of the whole map is then asked of
what is left as self-calibration does, itself and its nearest neighbours left out. Where a question is lost, or its
answer is no longer more likely right than wrong, the frames that answer it come back in ever finer steps. (Choosing the
fewest frames that answer all questions keeps recall on these, and loses it in another light: see docs/map_care.md.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.core.evidence import EVIDENCE_TOP_K, match_evidence
from vpr_ros.mapping.care.new_map import IntArray
from vpr_ros.mapping.care.viewpoints import FINEST_STEP, Viewpoints
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.held_out import HeldOut
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.search import all_similarities, best_rows
from vpr_ros.maps.spacing import median_spacing_m

MOST_QUESTIONS: Final = 5000
"""More of a larger map are not asked; its viewpoints are all kept to a quarter of a place."""
FIRST_STEP: Final = 0.25
MORE_LIKELY_RIGHT: Final = 0.5
WRONG, RIGHT, LIKELY = 0, 1, 2


@dataclass(frozen=True)
class Pruned:
    """What is kept, and what it costs.

    Attributes:
        rows: (n,) the frames that are kept, ascending.
        questions: how many were asked.
        right: how many of them the map and what is kept of it answer right.
        likely: how many of those with a probability of more than a half.
    """

    rows: IntArray
    questions: int
    right: tuple[int, int]
    likely: tuple[int, int]


def pruned(place_map: PlaceMap, keep_recall: float, target_frames: int | None) -> Pruned:
    """Choose the frames that stay.

    Args:
        place_map: the map.
        keep_recall: share of the questions answered right, and likely so, that still have to be; 1: all.
        target_frames: keep so many, whatever it costs; None: as few as *keep_recall* allows.

    Raises:
        MapError: it is to keep more frames than there are.
    """
    if target_frames is not None and target_frames >= len(place_map):
        raise MapError(
            f"map {place_map.path} has {len(place_map)} frames, {target_frames} are to be kept",
            "Give a smaller --target-frames",
        )
    viewpoints = Viewpoints(place_map)
    everything = np.ones(len(place_map), dtype=bool)
    before = _outcomes(place_map, everything)
    if target_frames is None:
        kept = _without_loss(place_map, viewpoints, before, keep_recall)
    else:
        kept = viewpoints.number(target_frames)
    after = _outcomes(place_map, kept)
    right, likely = ((int((before >= least).sum()), int((after >= least).sum())) for least in (RIGHT, LIKELY))
    return Pruned(np.flatnonzero(kept), len(before), right, likely)


def _without_loss(
    place_map: PlaceMap, viewpoints: Viewpoints, before: npt.NDArray[np.int64], keep_recall: float
) -> npt.NDArray[np.bool_]:
    """(N,) which frames are kept."""
    step = FIRST_STEP
    kept = viewpoints.spread(step, np.zeros(len(place_map), dtype=bool))
    most_lost = int((1.0 - keep_recall) * (before > WRONG).sum() + 1e-9)
    while not kept.all():
        lost = [asked for asked, was in zip(_questions(place_map), before, strict=True) if asked.outcome(kept) < was]
        if len(lost) <= most_lost:
            break
        step /= 2
        finer = viewpoints.spread(step, kept) if step >= FINEST_STEP else np.ones_like(kept)
        back = np.zeros_like(kept)
        for asked in lost:
            back |= asked.may_answer & asked.is_right
        if step < FINEST_STEP and not (back & ~kept).any():
            finer = back = np.ones_like(kept)  # what is wrong with an answer lies elsewhere: in its rivals
        kept |= back & finer
    return kept


@dataclass(frozen=True, eq=False)
class _Question:
    """A frame asked of its map: how alike every frame is, which may answer, and which are right."""

    place_map: PlaceMap
    cosines: npt.NDArray[np.float32]
    may_answer: npt.NDArray[np.bool_]
    is_right: npt.NDArray[np.bool_]

    def outcome(self, kept: npt.NDArray[np.bool_]) -> int:
        """What becomes of it when only the frames *kept* are in the map."""
        asked = np.flatnonzero(self.may_answer & kept)
        if not len(asked):
            return WRONG
        best = asked[best_rows(self.cosines[asked], EVIDENCE_TOP_K)]
        if not self.is_right[best[0]]:
            return WRONG
        calibration = self.place_map.manifest.calibration
        similarities = self.cosines[best].astype(np.float64)
        evidence = match_evidence(similarities, self.place_map.frames.position_m[best], calibration.radius_m)[:1]
        return LIKELY if calibration.probability(evidence)[0] >= MORE_LIKELY_RIGHT else RIGHT


def _outcomes(place_map: PlaceMap, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    return np.array([asked.outcome(kept) for asked in _questions(place_map)], dtype=np.int64)


def _questions(place_map: PlaceMap) -> Iterator[_Question]:
    rows = evenly(len(place_map), MOST_QUESTIONS)
    held_out = HeldOut(place_map, median_spacing_m(place_map.frames))
    queries = place_map.descriptors[rows].astype(np.float32)
    for row, cosines in zip(rows.tolist(), all_similarities(place_map.descriptors, queries), strict=True):
        yield _Question(place_map, cosines, held_out.may_answer(row), held_out.shows_place(row))
