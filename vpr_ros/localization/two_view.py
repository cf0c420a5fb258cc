# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether one rigid scene can have given two images: the epipolar geometry of their matched keypoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import SizePx

Float = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST_MATCHES: Final = 8
"""Seven determine a fundamental matrix: with fewer than eight, nothing is proved."""
PLANE: Final = 640.0
"""Length of the longer side of every image in which the model is sought: gates are shares of the image."""
EPIPOLAR_GATE: Final = 3.0
"""How far a keypoint may lie from the line it belongs on, where the image is 640 px long."""
GRID: Final = (8, 6)
"""Columns and rows of cells in which the part of the image that inliers cover is counted."""
FEWEST_KEPT_TRIPLES: Final = 0.75
"""Of triples of inliers, which turn the same way round in both images; of a mirrored picture hardly any does."""
TRIPLES: Final = 256
_SMALLEST_TRIPLE: Final = 200.0
"""Twice the area of a triangle, in square pixels of an image 640 px long, that noise does not turn over."""
_LARGE_TRIPLE: Final = 2000.0
"""The same where noise is not to be heard at all, not even that of an image 100 px long."""
_CORNERS: Final = np.random.default_rng(0).random((TRIPLES, 3))
"""Which inliers the triples are of, as shares of their number: the same every time."""
_CONFIDENCE, _MOST_ROUNDS, _MOST_SAMPLED = 0.999, 500, 200
"""A model that 200 matches agree on is the one that all do, and what it costs grows with their number."""


@dataclass(frozen=True, eq=False)
class View:
    """N keypoints of one of two images.

    Attributes:
        pixels_px: (N, 2) in the image.
        plane_px: (N, 2) where they are seen without distortion, the same as *pixels_px* for an unknown lens; NaN for
            what has no ray.
        size_px: of the image.
    """

    pixels_px: Float
    plane_px: Float
    size_px: SizePx

    def taken(self, rows: npt.NDArray[np.int64]) -> View:
        """The keypoints *rows* names."""
        return View(self.pixels_px[rows], self.plane_px[rows], self.size_px)


def geometric_inliers(query: View, mapped: View) -> Bools:
    """(N,) which of N matches one rigid scene explains; none where it explains them by accident.

    The model is a fundamental matrix, or a homography, found by sampling that is the same every time. Refused are
    fewer than eight different places, inliers in one corner of either image, and a mirror image.
    """
    none = np.zeros(len(query.pixels_px), dtype=np.bool_)
    if len(none) < FEWEST_MATCHES:  # of a frame that nobody has looked at the size is unknown too
        return none
    here, there = (view.plane_px * (PLANE / max(view.size_px)) for view in (query, mapped))
    known = np.flatnonzero(np.isfinite(here).all(axis=1) & np.isfinite(there).all(axis=1))
    if not _are_different(here[known], there[known]):
        return none
    rows = known[_of_one_model(here[known], there[known])]
    spread = len(rows) > 0 and all(np.ptp(_cells(view.pixels_px[rows], view.size_px)) > 0 for view in (query, mapped))
    if spread and _are_different(here[rows], there[rows]) and _turn_alike(here[rows], there[rows]):
        none[rows] = True
    return none


def _of_one_model(here: Float, there: Float) -> npt.NDArray[np.int64]:
    """Numbers of the matches that agree on a fundamental matrix.

    Samples are scored by the truncated squares of their distances (MSAC) and the best refined on its inliers: MAGSAC
    finds no more and takes half as long again. Where OpenCV finds no fundamental
    matrix, which older versions do where images differ by nothing but a turn of the camera, a homography says all there
    is to say. It raises where all its samples are degenerate.
    """
    sampling = _sampling()
    some = np.linspace(0, len(here) - 1, min(len(here), _MOST_SAMPLED)).astype(np.int64)
    models: tuple[tuple[Callable[[], Any], Callable[[Float, Float, Float], Float]], ...] = (
        (lambda: cv2.findFundamentalMat(here[some], there[some], sampling), _from_line),
        (
            lambda: cv2.findHomography(
                here[some], there[some], cv2.USAC_MAGSAC, EPIPOLAR_GATE, maxIters=_MOST_ROUNDS, confidence=_CONFIDENCE
            ),
            _from_point,
        ),
    )
    for find, squared_distance in models:
        try:
            model = find()[0]
        except cv2.error:
            continue
        if model is None or model.shape != (3, 3):
            continue
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inliers = np.flatnonzero(squared_distance(model, here, there) < EPIPOLAR_GATE**2)
        if len(inliers) >= FEWEST_MATCHES:
            return inliers
    return np.empty(0, np.int64)


def _from_line(fundamental: Float, here: Float, there: Float) -> Float:
    """(N,) squared distance of matches from a fundamental matrix, as Sampson approximates it."""
    one, other = _homogeneous(here), _homogeneous(there)
    of_one, of_other = one @ fundamental.T, other @ fundamental
    slopes = (of_one[:, :2] ** 2).sum(axis=1) + (of_other[:, :2] ** 2).sum(axis=1)
    return np.asarray((other * of_one).sum(axis=1) ** 2 / slopes)


def _from_point(homography: Float, here: Float, there: Float) -> Float:
    """(N,) squared distance of where a homography moves each keypoint from where it was matched to."""
    moved = _homogeneous(here) @ homography.T
    return np.asarray(((moved[:, :2] / moved[:, 2:] - there) ** 2).sum(axis=1))


def _homogeneous(points: Float) -> Float:
    return np.column_stack([points, np.ones(len(points))])


def _sampling() -> cv2.UsacParams:
    """How the fundamental matrix is sought, the same every time."""
    sampling = cv2.UsacParams()
    sampling.threshold, sampling.confidence, sampling.maxIterations = EPIPOLAR_GATE, _CONFIDENCE, _MOST_ROUNDS
    sampling.sampler, sampling.score = cv2.SAMPLING_UNIFORM, cv2.SCORE_METHOD_MSAC
    sampling.loMethod, sampling.loIterations = cv2.LOCAL_OPTIM_INNER_LO, 10
    sampling.randomGeneratorState = 0
    return sampling


def covered_cells(pixels_px: Float, size_px: SizePx) -> int:
    """In how many cells of the grid over an image of *size_px* the (N, 2) *pixels_px* lie."""
    if not len(pixels_px):
        return 0
    return int(np.count_nonzero(np.bincount(_cells(pixels_px, size_px))))


def _cells(pixels_px: Float, size_px: SizePx) -> npt.NDArray[np.int64]:
    """(N,) number of the cell that each lies in."""
    column, row = np.clip(pixels_px * np.divide(GRID, size_px), 0, np.subtract(GRID, 1)).astype(np.int64).T
    return np.asarray(column + GRID[0] * row)


def coverage(pixels_px: Float, size_px: SizePx) -> float:
    """Share of an image of *size_px* that the (N, 2) *pixels_px* cover, 0..1."""
    return covered_cells(pixels_px, size_px) / (GRID[0] * GRID[1]) if len(pixels_px) else 0.0


def _are_different(here: Float, there: Float) -> bool:
    """Whether enough places are matched in both images: identical features all lie on one."""
    return all(map(_are_enough, (here, there)))


def _are_enough(points: Float) -> bool:
    some = {*map(tuple, points[: 2 * FEWEST_MATCHES].tolist())}
    return len(some) >= FEWEST_MATCHES or len(np.unique(points @ (1.0, 1.0j))) >= FEWEST_MATCHES


def share_same_way_round(query: tuple[Float, SizePx], mapped: tuple[Float, SizePx]) -> float:
    """Of large triples of matched keypoints, those that go the same way round in both images, 0..1; 1 without any.

    Args:
        query, mapped: (N, 2) pixels in the image and in the map frame, each with the size of its image.
    """
    if not len(query[0]):
        return 1.0
    here, there = (pixels_px * (PLANE / max(size_px)) for pixels_px, size_px in (query, mapped))
    return _share_turned_alike(here, there, _LARGE_TRIPLE)


def _turn_alike(here: Float, there: Float) -> bool:
    """Whether triples of points go the same way round in both images, as they do for a camera that moved a little."""
    return _share_turned_alike(here, there, _SMALLEST_TRIPLE) >= FEWEST_KEPT_TRIPLES


def _share_turned_alike(here: Float, there: Float, smallest: float) -> float:
    triples = (_CORNERS * len(here)).astype(np.int64)
    one, other = _turn(here[triples]), _turn(there[triples])
    sure = np.minimum(abs(one), abs(other)) > smallest
    return float(np.mean((one * other)[sure] > 0)) if sure.any() else 1.0


def _turn(corners: Float) -> Float:
    """(T, 3, 2) triangles -> (T,) twice their area, negative where they go the other way round."""
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])
