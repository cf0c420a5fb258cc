# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Ask a map about its own frames, with those that would make it easy left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.evidence import EVIDENCE_TOP_K, log_drop, match_evidence
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.estimate import average_of_best
from vpr_ros.localization.retrieve import candidates_at
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.search import all_similarities, best_rows

Float = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

IMPOSTOR_RADII = (1.0, 2.0)
"""Unknown places are asked with this much left out, in turns: answers just outside the radius are wrong too, and
look most like right ones; a robot off the mapped track is given them."""
BESIDE_TRACK = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
"""Errors are measured with this share of the radius left out, in turns: as a robot on the track sees the map, and as
one beside it does, from farther away."""
ALONG_PER_ACROSS = 4.0
"""Metres in the direction of view that stand for one across it: a gap in the track, which lies ahead and behind, is as
hard to see across as a place so much less far beside it. Chosen on simulated towns, see docs/verification.md."""
SAME_SCENE = 2.0
"""Radii: an answer that is no farther off is the covariance's business, and one of another place is not."""
MIN_CANDIDATES = 10
ANSWERS = LocalizerConfig()
"""How the robot joins candidates to a pose unless it is told otherwise."""
UNHURRIED = LocalizerConfig(verify_time_ms=60_000.0)
"""The same with time for all candidates: a map must not depend on how busy the computer was that built it."""


@dataclass(frozen=True, eq=False)
class PoseErrors:
    """How far R right answers were off.

    Attributes:
        log_drop: (R,) how far the similarity fell from the best candidate to the next ones, see ``log_drop``.
        squared: (R, 6) squared error of the averaged pose: x, y, z (m^2), rotation vector (rad^2, NaN where unknown).
    """

    log_drop: Float
    squared: Float

    def joined(self, other: PoseErrors) -> PoseErrors:
        """Both together."""
        return PoseErrors(
            np.concatenate([self.log_drop, other.log_drop]),
            np.concatenate([self.squared, other.squared]),
        )


@dataclass(frozen=True, eq=False)
class HeldOutAnswers:
    """What a map answered.

    Attributes:
        known: (K, 3) evidence of the best answers to questions about places that are in the map.
        right: (K,) whether those are right: within the radius and, where orientations are known, 60 degrees.
        unknown: (U, 3) evidence of answers that had to be wrong, as the whole place was left out.
        errors: of right answers.
    """

    known: Float
    right: npt.NDArray[np.bool_]
    unknown: Float
    errors: PoseErrors


@dataclass(frozen=True, eq=False)
class Question:
    """A frame asked of the map that it is in.

    Attributes:
        row: its number.
        found: what the robot would be given.
        is_known: False where its whole place was left out, so that the answer has to be wrong.
    """

    row: int
    found: Candidates
    is_known: bool


class HeldOut:
    """The map as seen by frames that are not in it."""

    def __init__(self, place_map: PlaceMap, spacing_m: float) -> None:
        """Prepare.

        Args:
            place_map: whose calibration's radius tells places apart.
            spacing_m: median distance between neighbouring frames.
        """
        self._map = place_map
        self._frames = place_map.frames
        self._radius_m = place_map.manifest.calibration.radius_m
        self._spacing_m = spacing_m
        self._near_m = min(max(self._radius_m / 4, 1.5 * spacing_m), self._radius_m / 2)

    def ask(self, rows: IntArray, queries: npt.NDArray[np.float32], retaken: bool = False) -> HeldOutAnswers:
        """Ask each question three times: with its neighbours left out, with its whole place left out, and for its pose.

        Args:
            rows: (M,) which map frames the queries show.
            queries: (M, D) their descriptors.
            retaken: whether these are of other images than the map's; the frame itself then answers for a pose, too.
        """
        known, right, unknown, errors = [], [], [], []
        turns = zip(rows, all_similarities(self._map.descriptors, queries), cycle(IMPOSTOR_RADII), cycle(BESIDE_TRACK))
        for row, cosines, impostor, beside in turns:
            for question in self._questions(row, cosines, impostor):
                if question.is_known:
                    known.append(self._evidence(question.found))
                    right.append(self.is_right(row, question.found))
                else:
                    unknown.append(self._evidence(question.found))
            errors += self._errors(int(row), cosines, beside * self._radius_m)
            if retaken:
                errors += self._errors_at_frame(int(row), cosines)
        drops, squared = zip(*errors, strict=True) if errors else ((), ())
        return HeldOutAnswers(
            np.array(known).reshape(-1, 3),
            np.array(right, dtype=bool),
            np.array(unknown).reshape(-1, 3),
            PoseErrors(np.array(drops), np.array(squared).reshape(-1, 6)),
        )

    def questions(self, rows: IntArray, queries: npt.NDArray[np.float32]) -> Iterator[Question]:
        """Each question with its neighbours left out, and with its whole place left out.

        Args:
            rows, queries: see ``ask``.
        """
        turns = zip(rows, all_similarities(self._map.descriptors, queries), cycle(IMPOSTOR_RADII))
        for row, cosines, impostor in turns:
            yield from self._questions(row, cosines, impostor)

    def is_right(self, row: int, found: Candidates, radii: float = 1.0) -> bool:
        """Whether the first of *found* shows the place of frame *row*, or one at most so many radii away.

        See ``HeldOutAnswers``.
        """
        best = int(found.indices[0])
        near = np.linalg.norm(self._frames.position_m[best] - self._frames.position_m[row]) <= radii * self._radius_m
        return bool(near and self._angle_rad(row, best) <= ANSWERS.max_angle_rad)

    def may_answer(self, row: int) -> npt.NDArray[np.bool_]:
        """(N,) which frames are asked about frame *row*: see ``ask``."""
        return self._left_in(row, self._offset_m(row), self._near_m)

    def shows_place(self, row: int) -> npt.NDArray[np.bool_]:
        """(N,) which frames show the place of frame *row*, for all at once what ``is_right`` says."""
        quat_xyzw = self._frames.quat_xyzw
        cosine = np.minimum(np.abs(quat_xyzw @ quat_xyzw[row]), 1.0)
        turned_rad = np.nan_to_num(2.0 * np.arccos(cosine), nan=0.0)
        return np.asarray((self._offset_m(row) <= self._radius_m) & (turned_rad <= ANSWERS.max_angle_rad))

    def _questions(self, row: int, cosines: npt.NDArray[np.float32], impostor: float) -> Iterator[Question]:
        offset_m = self._offset_m(row)
        found = self._found(cosines, self._left_in(row, offset_m, self._near_m))
        if len(found):
            yield Question(int(row), found, is_known=True)
        found = self._found(cosines, offset_m > impostor * self._radius_m)
        if len(found) >= MIN_CANDIDATES:
            yield Question(int(row), found, is_known=False)

    def _left_in(self, row: int, offset_m: Float, within_m: float) -> npt.NDArray[np.bool_]:
        """All but the frame itself and those of its session that are near: another drive may have been anywhere."""
        left_out = (offset_m <= within_m) & (self._frames.session == self._frames.session[row])
        left_out[row] = True
        return ~left_out

    def _found(self, cosines: npt.NDArray[np.float32], allowed: npt.NDArray[np.bool_]) -> Candidates:
        """What the robot would be given, were only the *allowed* frames in the map."""
        rows = np.flatnonzero(allowed)
        rows = rows[best_rows(cosines[rows], EVIDENCE_TOP_K)]
        return candidates_at(self._map, rows, cosines[rows])

    def _errors(self, row: int, cosines: npt.NDArray[np.float32], gap_m: float) -> list[tuple[float, Float]]:
        """How far the similarity falls, and (6,) squared error, of a right answer with *gap_m* of the track left out.

        A robot beside the track is off as one on it is, and by as far as the gap stands for.
        """
        offset_m = self._offset_m(row)
        on_track = self._found(cosines, self._left_in(row, offset_m, 0.0))
        if not len(on_track) or not self.is_right(row, on_track):
            return []
        squared = self._squared_error(row, on_track)
        if not gap_m:
            return [(log_drop(on_track.similarities), squared)]
        found = self._found(cosines, self._left_in(row, offset_m, gap_m))
        if not len(found) or not self.is_right(row, found, SAME_SCENE):
            return []
        # Not their average, for that of frames before and behind is nearly right.
        nearest = self._squared_error(row, found.taken(np.arange(1)))
        return [(log_drop(found.similarities), squared + self._across(row, int(found.indices[0])) ** 2 * nearest)]

    def _errors_at_frame(self, row: int, cosines: npt.NDArray[np.float32]) -> list[tuple[float, Float]]:
        """The same of a robot that passes a mapped frame, which is some way between two of them."""
        found = self._found(cosines, np.ones(len(cosines), dtype=bool))
        if not self.is_right(row, found):
            return []
        between_m2 = self._spacing_m**2 / 24
        return [(log_drop(found.similarities), self._squared_error(row, found) + np.repeat([between_m2, 0.0], [2, 4]))]

    def _across(self, row: int, other: int) -> float:
        """How much of the way between two frames a robot beside one is off for its image to change as much, 0..1."""
        frames, mount = self._frames, self._map.manifest.cameras[int(self._frames.camera_index[row])].T_base_camera
        towards = frames.position_m[other] - frames.position_m[row]
        if not frames.has_orientation[row] or not towards.any():
            return 1.0
        T_map_camera = frames.pose(row)
        if mount is not None and mount.has_orientation:
            T_map_camera = T_map_camera.compose(mount)
        ahead = float(T_map_camera.rotation.apply((0.0, 0.0, 1.0)) @ towards / np.linalg.norm(towards))
        return float(np.sqrt(max(0.0, 1.0 - ahead**2) + (ahead / ALONG_PER_ACROSS) ** 2))

    def _evidence(self, found: Candidates) -> Float:
        return match_evidence(found.similarities, found.position_m, self._radius_m)[0]

    def _offset_m(self, row: int) -> Float:
        return np.asarray(np.linalg.norm(self._frames.position_m - self._frames.position_m[row], axis=1))

    def _angle_rad(self, row: int, other: int) -> float:
        known = self._frames.has_orientation
        if not (known[row] and known[other]):
            return 0.0
        return self._frames.pose(row).angle_rad(self._frames.pose(other))

    def _squared_error(self, row: int, found: Candidates) -> Float:
        average = average_of_best(found, self._radius_m, ANSWERS)
        turn_rad: Float = np.full(3, np.nan)
        if average.rotation is not None and self._frames.has_orientation[row]:
            turn_rad = (Rotation.from_quat(self._frames.quat_xyzw[row]) * average.rotation.inv()).as_rotvec()
        return np.concatenate([self._frames.position_m[row] - average.position_m, turn_rad]) ** 2
