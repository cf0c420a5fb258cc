# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How far the keypoints of one frame are, from matches with others whose places are known.

A keypoint keeps the ray it has in its own frame; its distance on that ray is what the other frames say together. All
errors are angles: a lens of any width is treated alike.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.mapping.frame_views import FloatArray, FrameView

GATE: Final = 0.005
"""Of the image's diagonal, 4 px of 640x480: the most a match lies from its epipolar line, a point from its image."""
WIDE_GATE: Final = 4.0
"""Times that: within it a match is taken for one when poses and intrinsics are judged."""
LEAST_PARALLAX_RAD: Final = math.radians(1.5)
LEAST_VIEWS: Final = 2
"""Besides its own, that must agree on a point."""
ROUNDS: Final = 3
"""Of the estimate; after each the view that agrees least is left out."""

KEPT_MATCHES: Final = 256
"""Of pairs, in memory at once: some 3 kB each, and the frames that they are of, a hundred kB each."""

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Triangulated:
    """What became of the M keypoints of a frame.

    Attributes:
        depth_m: (M,) along the optical axis, NaN where it is not known.
        epipolar_px: (K,) distances of the more similar half of the matches from their epipolar lines, within the wide
            gate: mostly matches that are right, whatever poses and intrinsics are.
        reprojection_px: (L,) distances of the points with depth from where the other frames see them.
    """

    depth_m: FloatArray
    epipolar_px: FloatArray
    reprojection_px: FloatArray


def triangulate(
    view: FrameView, others: Sequence[FrameView], least_views: int = LEAST_VIEWS, matches: Matches | None = None
) -> Triangulated:
    """Find the depths of the keypoints of *view* with its matches in *others*.

    Args:
        view: the frame.
        others: V frames that see much of the same from elsewhere.
        least_views: how many of them must agree.
        matches: those of frames that were looked at before.
    """
    matches = matches or Matches()
    M, V = len(view.rays), len(others)
    turned, shift = np.empty((V, M, 3)), np.empty((V, 3))
    seen, px_per_rad = np.full((V, M, 3), np.nan), np.empty((V, 1))
    similarity = np.full((V, M), np.nan)
    for number, other in enumerate(others):
        turned[number] = view.rays @ (other.rotation.T @ view.rotation).T
        shift[number] = other.rotation.T @ (view.position_m - other.position_m)
        mine, theirs = matches(view, other)
        seen[number, mine] = other.rays[theirs]
        similarity[number, mine] = (view.descriptors[mine] * other.descriptors[theirs]).sum(axis=1)
        px_per_rad[number] = other.px_per_rad
    misfit_px = _epipolar_rad(turned, shift, seen) * px_per_rad
    gate_px = GATE * view.diagonal_px
    used = misfit_px <= gate_px  # False for NaN: no match, or no ray
    length_m, errors_px, used = _agreed(turned, shift, seen, used, px_per_rad, gate_px)
    with np.errstate(invalid="ignore"):
        points_m = length_m[:, None] * turned + shift[:, None]
        parallax_rad = np.where(used, _angle_rad(turned, points_m), 0.0).max(axis=0, initial=0.0)
    known = (used.sum(axis=0) >= least_views) & (parallax_rad >= LEAST_PARALLAX_RAD) & (length_m > 0)
    usual = np.nanmedian(similarity) if np.isfinite(similarity).any() else np.inf
    return Triangulated(
        np.where(known, length_m * view.depth_per_length, np.nan),
        misfit_px[(misfit_px <= WIDE_GATE * gate_px) & (similarity >= usual)],
        errors_px[used & known],
    )


class Matches:
    """Matches of two frames, either way round found once: neighbours ask for each other, one soon after the other."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[FrameView, FrameView], tuple[IntArray, IntArray]] = OrderedDict()

    def __call__(self, one: FrameView, other: FrameView) -> tuple[IntArray, IntArray]:
        """Keypoints of both that are each other's nearest, as two lists of their numbers."""
        if (known := self._kept.pop((one, other), None)) is not None:
            return known
        mine, theirs = mutual_nearest(one.descriptors, other.descriptors)
        self._kept[other, one] = theirs, mine
        if len(self._kept) > KEPT_MATCHES:
            self._kept.popitem(last=False)
        return mine, theirs


def mutual_nearest(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> tuple[IntArray, IntArray]:
    """Rows of (M, C) and (K, C) unit vectors that are each other's nearest, as two lists of row numbers."""
    if not len(one) or not len(other):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    similarity = one @ other.T
    there, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    mine = np.flatnonzero(back[there] == np.arange(len(one)))
    return mine, there[mine]


def _agreed(
    turned: FloatArray, shift: FloatArray, seen: FloatArray, used: BoolArray, px_per_rad: FloatArray, gate_px: float
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Length of each ray (M,), distances in the other images (V, M), and which of these agree."""
    length_m = np.full(turned.shape[1], np.nan)
    errors_px = np.full(used.shape, np.nan)
    across_ray, across_shift = _cross(seen, turned), _cross(seen, shift[:, None])
    along, square = _dot(across_ray, across_shift), _dot(across_ray, across_ray)
    for _ in range(ROUNDS):
        length_m = _lengths_m(turned, shift, along, square, used)
        points_m = length_m[:, None] * turned + shift[:, None]
        errors_px = _angle_rad(seen, points_m) * px_per_rad
        wrong = used & ~(errors_px <= gate_px)
        if not wrong.any():
            break
        worst = np.where(used, np.nan_to_num(errors_px, nan=np.inf), -1.0).argmax(axis=0)
        spoiled = np.flatnonzero(wrong.any(axis=0))
        used = used.copy()
        used[worst[spoiled], spoiled] = False
    else:
        used = used & ~wrong.any(axis=0)
    return length_m, errors_px, used


def _lengths_m(
    turned: FloatArray, shift: FloatArray, along: FloatArray, square: FloatArray, used: BoolArray
) -> FloatArray:
    """(M,) the distances on the rays that bring the points nearest to what the used views see; least squares.

    Args:
        turned, shift, used: see ``_agreed``.
        along, square: (V, M) of what another frame sees across the ray: its product with that across the shift, and
            with itself.
    """
    weight = used.astype(np.float64)
    length_m = np.full(turned.shape[1], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(2):  # the second time an error is an angle: the distance from the other camera is known
            length_m = -np.where(used, weight * along, 0.0).sum(axis=0) / np.where(used, weight * square, 0.0).sum(
                axis=0
            )
            points_m = length_m[:, None] * turned + shift[:, None]
            weight = 1.0 / _dot(points_m, points_m)
    return length_m


def _cross(one: FloatArray, other: FloatArray) -> FloatArray:
    """(..., 3) the same as ``np.cross``, which takes three times as long."""
    a, b, c = one[..., 0], one[..., 1], one[..., 2]
    x, y, z = other[..., 0], other[..., 1], other[..., 2]
    found = np.empty((*np.broadcast_shapes(a.shape, x.shape), 3))
    found[..., 0], found[..., 1], found[..., 2] = b * z - c * y, c * x - a * z, a * y - b * x
    return found


def _dot(one: FloatArray, other: FloatArray) -> FloatArray:
    """(...,) products of (..., 3) vectors: a sum over so short an axis takes longer."""
    return np.asarray(one[..., 0] * other[..., 0] + one[..., 1] * other[..., 1] + one[..., 2] * other[..., 2])


def _epipolar_rad(turned: FloatArray, shift: FloatArray, seen: FloatArray) -> FloatArray:
    """(V, M) angles between what another frame sees and the plane of both cameras and the ray."""
    normal = _cross(shift[:, None], turned)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.arcsin(np.minimum(1.0, np.abs(_dot(normal, seen)) / np.sqrt(_dot(normal, normal))))


def _angle_rad(rays: FloatArray, points_m: FloatArray) -> FloatArray:
    """(...,) angles between vectors."""
    with np.errstate(invalid="ignore"):
        across = _cross(rays, points_m)
        return np.arctan2(np.sqrt(_dot(across, across)), _dot(rays, points_m))
