# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which frames of a map can go without loss: measured by what the map answers about its own frames.

Each frame is asked of the map as self-calibration does, with itself and its nearest neighbours left out. It may go when
every question that was answered right still is, by at least half the lead over the best wrong answer of the whole map,
and when a frame of the same session and camera stays near it that looks the same way: another light, another viewpoint
or another heading is not seen again by those that stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.care.cover import Cover
from vpr_ros.mapping.care.new_map import IntArray
from vpr_ros.mapping.held_out import HeldOut
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.search import all_similarities, best_rows
from vpr_ros.maps.spacing import median_spacing_m

MOST_QUESTIONS: Final = 5000
"""More of a larger map are not asked; its viewpoints are all kept, though."""
MOST_ANSWERS: Final = 64
SHARE_OF_LEAD: Final = 0.5
"""Of the similarity by which the best right answer is ahead: as much of it stays."""
VIEWPOINT_OF_RADIUS: Final = 0.5
VIEWPOINT_RAD: Final = math.radians(20.0)
"""A frame is replaced by one of its session within half a place of it, turned by no more than this."""
MOST_NEIGHBOURS: Final = 64


@dataclass(frozen=True)
class Pruned:
    """What is kept, and what it costs.

    Attributes:
        rows: (n,) the frames that are kept, ascending.
        questions: how many were asked.
        right_before, right_after: how many of them the map, and what is kept of it, answered right.
    """

    rows: IntArray
    questions: int
    right_before: int
    right_after: int


@dataclass(frozen=True, eq=False)
class _Question:
    """A frame asked of its map: its number, how alike every frame is, which may answer, and which are right."""

    row: int
    cosines: npt.NDArray[np.float32]
    may_answer: npt.NDArray[np.bool_]
    is_right: npt.NDArray[np.bool_]

    def right_among(self, kept: npt.NDArray[np.bool_] | None = None) -> bool:
        """Whether the best answer is right, of all frames or of those that are *kept*."""
        asked = np.flatnonzero(self.may_answer if kept is None else self.may_answer & kept)
        return bool(len(asked) and self.is_right[asked[self.cosines[asked].argmax()]])

    def good_answers(self) -> IntArray:
        """The frames that each alone answer it right by enough of a lead; none where it is answered wrong."""
        wrong = self.cosines[self.may_answer & ~self.is_right].max(initial=-1.0)
        right = np.flatnonzero(self.may_answer & self.is_right)
        lead = self.cosines[right].max(initial=-1.0) - wrong
        if not lead > 0:
            return np.empty(0, np.int64)
        enough = right[self.cosines[right] >= wrong + SHARE_OF_LEAD * lead]
        return enough[best_rows(self.cosines[enough], MOST_ANSWERS)]


def pruned(place_map: PlaceMap, keep_recall: float, target_frames: int | None) -> Pruned:
    """Choose the frames that stay.

    Args:
        place_map: the map.
        keep_recall: share of the questions answered right that still have to be; 1: all.
        target_frames: keep so many, whatever it costs; None: as few as *keep_recall* allows.

    Raises:
        MapError: it is to keep more frames than there are.
    """
    if target_frames is not None and target_frames >= len(place_map):
        raise MapError(
            f"map {place_map.path} has {len(place_map)} frames, {target_frames} are to be kept",
            "Give a smaller --target-frames",
        )
    answers = [found for found in (asked.good_answers() for asked in _questions(place_map)) if len(found)]
    cover = Cover(len(place_map), (answers, list(_viewpoints(place_map))))
    rows = cover.choose((keep_recall,) * 2) if target_frames is None else cover.choose_number(target_frames)
    kept = np.zeros(len(place_map), dtype=bool)
    kept[rows] = True
    before, after = zip(
        *((asked.right_among(), asked.right_among(kept)) for asked in _questions(place_map)), strict=True
    )
    return Pruned(rows, len(before), sum(before), sum(after))


def _questions(place_map: PlaceMap) -> Iterator[_Question]:
    count = min(MOST_QUESTIONS, len(place_map))
    rows = np.unique(np.linspace(0, len(place_map) - 1, count).round().astype(np.int64))
    held_out = HeldOut(place_map, median_spacing_m(place_map.frames))
    queries = place_map.descriptors[rows].astype(np.float32)
    for row, cosines in zip(rows.tolist(), all_similarities(place_map.descriptors, queries), strict=True):
        yield _Question(row, cosines, held_out.may_answer(row), held_out.shows_place(row))


def _viewpoints(place_map: PlaceMap) -> Iterator[IntArray]:
    """For each frame those that stand for it, itself included."""
    frames = place_map.frames
    within_m = VIEWPOINT_OF_RADIUS * place_map.manifest.calibration.radius_m
    most: Any = np.arange(1, min(MOST_NEIGHBOURS, len(frames)) + 1)  # an array, so that an array comes back
    near_m, near = map(
        np.asarray, cKDTree(frames.position_m).query(frames.position_m, most, distance_upper_bound=within_m)
    )
    for row, (apart_m, found) in enumerate(zip(near_m, near, strict=True)):
        others = found[np.isfinite(apart_m)]
        same = (frames.session[others] == frames.session[row]) & (
            frames.camera_index[others] == frames.camera_index[row]
        )
        cosine = np.minimum(np.abs(frames.quat_xyzw[others] @ frames.quat_xyzw[row]), 1.0)
        turned_rad = np.nan_to_num(2.0 * np.arccos(cosine), nan=0.0)
        yield np.union1d(others[same & (turned_rad <= VIEWPOINT_RAD)], [row]).astype(np.int64)
