"""Ask a map about its own frames, with those that would make it easy left out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.evidence import EVIDENCE_TOP_K, match_evidence
from vpr_ros.core.pose_average import (
    MAX_ANGLE_RAD,
    SIMILARITY_TEMPERATURE,
    average_pose,
    consistent_with_first,
    softmax_weights,
)
from vpr_ros.maps.descriptor_file import Descriptors
from vpr_ros.maps.frame_table import FrameTable
from vpr_ros.maps.search import all_similarities

Float = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

IMPOSTOR_RADII = (1.0, 2.0)
"""Unknown places are asked with this much left out, in turns: answers just outside the radius are wrong too, and
look most like right ones; a robot off the mapped track is given them."""
MIN_CANDIDATES = 10


@dataclass(frozen=True, eq=False)
class KnownPlaces:
    """Answers to M questions about places that are in the map.

    Attributes:
        evidence: (M, 3) of the best answers.
        right: (M,) whether they are right: within the radius and, where orientations are known, 60 degrees.
        squared: (R, 6) of the R right ones, squared error of the averaged pose: x, y, z (m^2) and rotation
            vector (rad^2, NaN where unknown).
        spread: (R, 6) the variances that the candidates' spread stated.
    """

    evidence: Float
    right: npt.NDArray[np.bool_]
    squared: Float
    spread: Float


class HeldOut:
    """The map as seen by frames that are not in it."""

    def __init__(self, frames: FrameTable, descriptors: Descriptors, radius_m: float, spacing_m: float) -> None:
        self._frames = frames
        self._descriptors = descriptors
        self._radius_m = radius_m
        self._near_m = min(max(radius_m / 4, 1.5 * spacing_m), radius_m / 2)

    def known_places(self, rows: IntArray, queries: npt.NDArray[np.float32]) -> KnownPlaces:
        """Ask with frames whose nearest neighbours of the same session are left out.

        Args:
            rows: (M,) which map frames the queries show.
            queries: (M, D) their descriptors.
        """
        evidence, right, squared, spread = [], [], [], []
        for row, cosines in zip(rows, all_similarities(self._descriptors, queries), strict=True):
            offset_m = self._offset_m(row)
            left_out = (offset_m <= self._near_m) & (self._frames.session == self._frames.session[row])
            left_out[row] = True
            found, similarities = _best(cosines, ~left_out)
            if not len(found):
                continue
            evidence.append(match_evidence(similarities, self._frames.position_m[found], self._radius_m)[0])
            right.append(offset_m[found[0]] <= self._radius_m and self._angle_rad(row, found[0]) <= MAX_ANGLE_RAD)
            if right[-1]:
                errors, expected = self._pose_error(row, found, similarities)
                squared.append(errors)
                spread.append(expected)
        return KnownPlaces(
            np.array(evidence).reshape(-1, 3),
            np.array(right, dtype=bool),
            np.array(squared).reshape(-1, 6),
            np.array(spread).reshape(-1, 6),
        )

    def unknown_places(self, rows: IntArray, queries: npt.NDArray[np.float32]) -> Float:
        """Ask with the whole neighbourhood left out, so that every answer is wrong: (at most M, 3) evidence."""
        evidence = []
        for row, cosines, radii in zip(rows, all_similarities(self._descriptors, queries), cycle(IMPOSTOR_RADII)):
            found, similarities = _best(cosines, self._offset_m(row) > radii * self._radius_m)
            if len(found) >= MIN_CANDIDATES:
                evidence.append(match_evidence(similarities, self._frames.position_m[found], self._radius_m)[0])
        return np.array(evidence).reshape(-1, 3)

    def _offset_m(self, row: int) -> Float:
        return np.asarray(np.linalg.norm(self._frames.position_m - self._frames.position_m[row], axis=1))

    def _angle_rad(self, row: int, other: int) -> float:
        known = self._frames.has_orientation
        if not (known[row] and known[other]):
            return 0.0
        return self._frames.pose(row).angle_rad(self._frames.pose(other))

    def _pose_error(self, row: int, found: IntArray, similarities: Float) -> tuple[Float, Float]:
        position_m, quat_xyzw = self._frames.position_m[found], self._frames.quat_xyzw[found]
        here = consistent_with_first(position_m, quat_xyzw, self._radius_m, MAX_ANGLE_RAD)
        weights = softmax_weights(similarities[here], SIMILARITY_TEMPERATURE)
        average = average_pose(position_m[here], quat_xyzw[here], weights)
        turn_rad: Float = np.full(3, np.nan)
        if average.rotation is not None and self._frames.has_orientation[row]:
            turn_rad = (Rotation.from_quat(self._frames.quat_xyzw[row]) * average.rotation.inv()).as_rotvec()
        error = np.concatenate([self._frames.position_m[row] - average.position_m, turn_rad])
        return error**2, np.diag(average.spread)


def _best(cosines: npt.NDArray[np.float32], allowed: npt.NDArray[np.bool_]) -> tuple[IntArray, Float]:
    """The 20 most similar of the allowed frames, best first: (at most 20,) indices and cosines."""
    rows = np.flatnonzero(allowed)
    if len(rows) > EVIDENCE_TOP_K:
        rows = rows[np.argpartition(-cosines[rows], EVIDENCE_TOP_K - 1)[:EVIDENCE_TOP_K]]
    rows = rows[np.argsort(-cosines[rows], kind="stable")]
    return rows, cosines[rows].astype(np.float64)
