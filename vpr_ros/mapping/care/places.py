# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map knows of each of its places: how distinct it is, what it is confused with, what it lacks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from vpr_ros.core.pose import PositionM
from vpr_ros.localization.retrieve import candidates_at
from vpr_ros.localization.verify import Verifier
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.held_out import UNHURRIED, HeldOut
from vpr_ros.maps.local_codec import DEPTH, SIZES
from vpr_ros.maps.local_store import LOCAL_NAME
from vpr_ros.maps.npy_file import map_array
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.search import all_similarities
from vpr_ros.maps.spacing import median_spacing_m

MOST_ASKED: Final = 1000
MOST_PAIRS: Final = 5
READ: Final = (SIZES, DEPTH)
ROWS_AT_ONCE: Final = 4096
SECTORS: Final = 8
"""Of 45 degrees, in which the headings of a place are counted."""


@dataclass(frozen=True)
class Place:
    """Frames within one place radius of the first of them.

    Attributes:
        position_m: of that frame.
        name: of that frame.
        frames: how many.
        sessions: of how many sessions.
        headings: in how many of eight sectors a camera looked; None where no orientation is known.
        asked, right: how many of its frames were asked of the map, and answered right.
        lead: median of how much more alike the best right answer was than the best wrong one; None where none was
            asked.
        without_local, without_depth: frames in which nobody has looked for local features, or none has a depth.
    """

    position_m: PositionM
    name: str
    frames: int
    sessions: int
    headings: int | None
    asked: int
    right: int
    lead: float | None
    without_local: int
    without_depth: int


@dataclass(frozen=True)
class Confusion:
    """Two frames of different places that look alike.

    Attributes:
        names: of both.
        position_m: of both.
        similarity: cosine.
        lead: how much more alike the best right answer is; negative where the map answers wrong.
        inliers: keypoints that agree between them; None without local features.
    """

    names: tuple[str, str]
    position_m: tuple[PositionM, PositionM]
    similarity: float
    lead: float
    inliers: int | None


@dataclass(frozen=True)
class PlaceStatistics:
    """All of a map.

    Attributes:
        asked: of how many frames it was asked.
        frames: how many the map has.
        places: in the order of the table.
        confusions: those with the smallest lead first, each of another pair of places.
    """

    asked: int
    frames: int
    places: tuple[Place, ...]
    confusions: tuple[Confusion, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every frame was asked."""
        return self.asked == self.frames

    @property
    def without_local(self) -> int:
        """Frames in which nobody has looked for local features."""
        return sum(place.without_local for place in self.places)

    @property
    def without_depth(self) -> int:
        """Frames that have none with a depth."""
        return sum(place.without_depth for place in self.places)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        return asdict(self)


@dataclass(frozen=True)
class _Asked:
    row: int
    lead: float
    wrong: int
    similarity: float


def place_statistics(place_map: PlaceMap) -> PlaceStatistics:
    """Ask the map about its own frames, each with its nearest neighbours left out.

    Of a map of more than a thousand frames a thousand are asked, evenly spread.

    Raises:
        MapError: its local features cannot be read.
    """
    rows = evenly(len(place_map), MOST_ASKED)
    asked = list(_asked(place_map, rows))
    of_frame = _places(place_map)
    by_place: list[list[_Asked]] = [[] for _ in range(int(of_frame.max()) + 1)]
    for answer in asked:
        by_place[of_frame[answer.row]].append(answer)
    without_local, without_depth = _without_local(place_map)
    order = np.argsort(of_frame, kind="stable")
    rows_of = np.split(order, np.flatnonzero(np.diff(of_frame[order])) + 1)
    places = tuple(
        _place(place_map, rows, answers, without_local[rows], without_depth[rows])
        for rows, answers in zip(rows_of, by_place, strict=True)
    )
    return PlaceStatistics(len(rows), len(place_map), places, tuple(_confusions(place_map, asked, of_frame)))


def _asked(place_map: PlaceMap, rows: npt.NDArray[np.int64]) -> Iterator[_Asked]:
    held_out = HeldOut(place_map, median_spacing_m(place_map.frames))
    queries = place_map.descriptors[rows].astype(np.float32)
    for row, cosines in zip(rows.tolist(), all_similarities(place_map.descriptors, queries), strict=True):
        may_answer, shows = held_out.may_answer(row), held_out.shows_place(row)
        right, wrong = np.flatnonzero(may_answer & shows), np.flatnonzero(may_answer & ~shows)
        if not len(right) or not len(wrong):
            continue  # nothing tells how far one is ahead of the other
        best = int(wrong[cosines[wrong].argmax()])
        yield _Asked(row, float(cosines[right].max() - cosines[best]), best, float(cosines[best]))


def _places(place_map: PlaceMap) -> npt.NDArray[np.int64]:
    """(N,) the number of each frame's place: that of the first frame within one radius, if no other had taken it."""
    position_m = place_map.frames.position_m
    tree, radius_m = cKDTree(position_m), place_map.manifest.calibration.radius_m
    of_frame = np.full(len(position_m), -1, dtype=np.int64)
    number = 0
    for row in range(len(position_m)):
        if of_frame[row] < 0:
            near = np.array(tree.query_ball_point(position_m[row], radius_m), dtype=np.int64)
            of_frame[near[of_frame[near] < 0]] = number
            number += 1
    return of_frame


def _place(
    place_map: PlaceMap,
    rows: npt.NDArray[np.int64],
    answers: list[_Asked],
    without_local: npt.NDArray[np.bool_],
    without_depth: npt.NDArray[np.bool_],
) -> Place:
    frames, first = place_map.frames, int(rows[0])
    return Place(
        position_m=frames.pose(first).position_m,
        name=frames.name(first),
        frames=len(rows),
        sessions=len(np.unique(frames.session[rows])),
        headings=_headings(place_map, rows),
        asked=len(answers),
        right=sum(answer.lead > 0 for answer in answers),
        lead=float(np.median([answer.lead for answer in answers])) if answers else None,
        without_local=int(without_local.sum()),
        without_depth=int(without_depth.sum()),
    )


def _headings(place_map: PlaceMap, rows: npt.NDArray[np.int64]) -> int | None:
    """In how many sectors the base headed, which tells as much as the camera where the mount is fixed."""
    known = rows[place_map.frames.has_orientation[rows]]
    if not len(known):
        return None
    ahead = Rotation.from_quat(place_map.frames.quat_xyzw[known]).apply(_forward(place_map))
    heading_rad = np.arctan2(ahead[:, 1], ahead[:, 0])
    return len(np.unique(np.floor((heading_rad + math.pi) / (2 * math.pi) * SECTORS).astype(int) % SECTORS))


def _forward(place_map: PlaceMap) -> tuple[float, float, float]:
    """Of the base, or of the camera whose poses the map has where no mount is known: then z looks ahead, not x."""
    frames = place_map.frames
    known = np.flatnonzero(frames.has_orientation)[:100]
    level = np.abs(Rotation.from_quat(frames.quat_xyzw[known]).apply((0.0, 0.0, 1.0))[:, 2])
    return (1.0, 0.0, 0.0) if np.median(level) > math.cos(math.pi / 4) else (0.0, 0.0, 1.0)


def _without_local(place_map: PlaceMap) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(N,) in which frames nobody has looked for local features, and (N,) which have none with a depth."""
    frames = len(place_map)
    if place_map.local is None:
        return np.ones(frames, dtype=bool), np.ones(frames, dtype=bool)
    folder, layout = place_map.path / LOCAL_NAME, place_map.local.entry.layout
    sizes, depths = (map_array(folder / name, (frames, *layout.rows[name][0]), layout.rows[name][1]) for name in READ)
    has_depth = [
        np.isfinite(depths[start : start + ROWS_AT_ONCE]).any(axis=1) for start in range(0, frames, ROWS_AT_ONCE)
    ]
    return np.asarray(sizes[:, 1] == 0), ~np.concatenate(has_depth)


def _confusions(place_map: PlaceMap, asked: list[_Asked], of_frame: npt.NDArray[np.int64]) -> Iterator[Confusion]:
    told: set[frozenset[int]] = set()
    local = place_map.local
    verifier = None if local is None else Verifier(None, local, place_map, UNHURRIED)
    frames, radius_m = place_map.frames, place_map.manifest.calibration.radius_m
    for answer in sorted(asked, key=lambda one: one.lead):
        pair = frozenset((int(of_frame[answer.row]), int(of_frame[answer.wrong])))
        here, there = frames.pose(answer.row), frames.pose(answer.wrong)
        if pair in told or here.distance_m(there) <= 2 * radius_m:
            continue  # neighbours are confused all the time, and by little
        told.add(pair)
        yield Confusion(
            (frames.name(answer.row), frames.name(answer.wrong)),
            (here.position_m, there.position_m),
            answer.similarity,
            answer.lead,
            None if verifier is None else _inliers(verifier, place_map, answer.row, answer.wrong),
        )
        if len(told) == MOST_PAIRS:
            return


def _inliers(verifier: Verifier, place_map: PlaceMap, row: int, other: int) -> int | None:
    assert place_map.local is not None
    kept = place_map.local.files.features(row)
    candidates = candidates_at(place_map, np.array([other]), np.ones(1, np.float32))
    found = verifier.verify(kept.as_seen, (kept.width_px, kept.height_px), candidates, None, None).geometry[0]
    return None if found is None else found.inliers
