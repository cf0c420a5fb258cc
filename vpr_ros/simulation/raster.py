# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Surfaces to pixels: a depth buffer filled from near to far, and textures for what remained visible."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.conditions import Season
from vpr_ros.simulation.ground import Ground
from vpr_ros.simulation.occlusion import NearestCover
from vpr_ros.simulation.surfaces import FloatArray, Surfaces
from vpr_ros.simulation.textures import MAX_LEVEL, Rgba, RipMap, TextureStore
from vpr_ros.simulation.visibility import Candidates, View, candidates

NOTHING: Final = -2
GROUND: Final = -1
_SHIFT: Final = 4  # fractional bits of OpenCV's polygon corners
_SMALLEST_STRIP_PX: Final = 12
_BATCH: Final = 48


@dataclass(frozen=True, eq=False)
class Raster:
    """What each pixel shows.

    Attributes:
        surface: (H, W) int32 index of the surface, ``GROUND`` or ``NOTHING`` (the sky).
        inverse_depth: (H, W) float32 1/m, 0 where there is nothing.
        texel: (H, W, 4) uint8 colour and fourth channel of the texture; arbitrary where there is nothing.
    """

    surface: npt.NDArray[np.int32]
    inverse_depth: npt.NDArray[np.float32]
    texel: Rgba


def rasterize(surfaces: Surfaces, textures: TextureStore, ground: Ground, view: View, season: Season) -> Raster:
    """Draw surfaces and ground as the view sees them."""
    camera = view.camera
    shape = (camera.height_px, camera.width_px)
    ground_to = _ground_homography(ground, view)
    inverse_depth = np.maximum(_plane(ground_to[2], 0, 0, *shape), 0.0).astype(np.float32)
    inverse_depth[inverse_depth < 1e-4] = 0.0
    raster = Raster(
        np.where(inverse_depth > 0, GROUND, NOTHING).astype(np.int32),
        inverse_depth,
        np.zeros((*shape, 4), dtype=np.uint8),
    )
    found = candidates(surfaces, view)
    brush = _Brush(raster, surfaces, textures, season, found)
    for k in brush.cover_all():
        brush.paint(k)
    whole = (0, 0, camera.width_px, camera.height_px)
    _paint(raster, whole, GROUND, lambda: ground.texture, ground_to)
    return raster


def _ground_homography(ground: Ground, view: View) -> FloatArray:
    """Homogeneous pixel to (s/z, t/z, 1/z) on the plane z = 0; s and t on 0..1 across the ground's picture."""
    rays, (x, y, z) = view.rays, view.eye_m
    inverse = -rays[2] / z
    east = x * inverse + rays[0]
    north = y * inverse + rays[1]
    return np.stack(
        [
            (east - ground.west_m * inverse) / ground.size_m[0],
            (ground.north_m * inverse - north) / ground.size_m[1],
            inverse,
        ]
    )


def _plane(row: FloatArray, left: int, top: int, height: int, width: int) -> npt.NDArray[np.float32]:
    """Evaluate an affine function of the pixel over a box."""
    across = (row[0] * np.arange(left, left + width)).astype(np.float32)
    down = (row[1] * np.arange(top, top + height) + row[2]).astype(np.float32)
    return np.asarray(across[None] + down[:, None])


Box = tuple[int, int, int, int]
"""left, top, right, bottom; right and bottom excluded."""


@dataclass(frozen=True, eq=False)
class _Brush:
    """Draws candidates into a raster."""

    raster: Raster
    surfaces: Surfaces
    textures: TextureStore
    season: Season
    found: Candidates

    def cover_all(self) -> list[int]:
        """Claim pixels for every candidate, nearest first; return the ones that are still to be painted."""
        claimed = []
        remaining: npt.NDArray[np.int64] = np.arange(len(self.found.index))
        while len(remaining):
            now, remaining = remaining[:_BATCH], remaining[_BATCH:]
            claimed += [k for k in now.tolist() if self.cover(k) and not self.surfaces.cutout[self.found.index[k]]]
            if len(remaining):
                nearest = NearestCover(self.raster.inverse_depth).smallest(self.found.boxes_px[remaining])
                remaining = remaining[nearest * self.found.nearest_m[remaining] <= 1.0]
        return claimed

    def cover(self, k: int) -> bool:
        """Claim the pixels where candidate k is nearest; a cut-out one is painted at once, where it is opaque."""
        left, top, right, bottom = box = self._box(k)
        behind = self.raster.inverse_depth[top:bottom, left:right]
        if np.minimum.reduce(behind, axis=None) * self.found.nearest_m[k] > 1.0:
            return False
        mask = np.zeros(behind.shape, dtype=np.uint8)
        outline = np.round((self.found.outlines_px[k] - (left, top)) * 2**_SHIFT).astype(np.int32)
        cv2.fillConvexPoly(mask, outline, 1, cv2.LINE_8, _SHIFT)
        inverse = _plane(self.found.to_surface[k, 2], left, top, *behind.shape)
        seen = inverse > behind
        seen &= mask.view(np.bool_)
        if not seen.any():
            return False
        index = int(self.found.index[k])
        if self.surfaces.cutout[index]:
            board = _warped(self._texture(k), self.found.to_surface[k], box)
            seen &= board[..., 3] > 127
            _copy(board, seen, self.raster.texel[top:bottom, left:right])
        np.copyto(behind, inverse, where=seen)
        np.copyto(self.raster.surface[top:bottom, left:right], index, where=seen)
        return True

    def paint(self, k: int) -> None:
        """Texture what remained visible of candidate k."""
        _paint(self.raster, self._box(k), int(self.found.index[k]), lambda: self._texture(k), self.found.to_surface[k])

    def _box(self, k: int) -> Box:
        left, top, right, bottom = self.found.boxes_px[k].tolist()
        return left, top, right, bottom

    def _texture(self, k: int) -> RipMap:
        return self.textures.get(int(self.surfaces.texture[self.found.index[k]]), self.season)


def _copy(source: Rgba, where: npt.NDArray[np.bool_], target: Rgba) -> None:
    """Copy whole texels: as words of four bytes, which is several times as fast as byte by byte."""
    np.copyto(target.view(np.uint32)[..., 0], source.view(np.uint32)[..., 0], where=where)


def _paint(raster: Raster, box: Box, index: int, texture: Callable[[], RipMap], to_surface: FloatArray) -> None:
    """Texture the pixels of one surface, in strips where its distance varies, each with its own sharpness."""
    left, top, right, bottom = box
    seen = raster.surface[top:bottom, left:right] == index
    columns = np.flatnonzero(seen.any(axis=0))
    if not len(columns):
        return
    rows = np.flatnonzero(seen.any(axis=1))
    left, right = left + int(columns[0]), left + int(columns[-1]) + 1
    top, bottom = top + int(rows[0]), top + int(rows[-1]) + 1
    ripmap = texture()
    for strip in _strips((left, top, right, bottom), to_surface):
        x0, y0, x1, y1 = strip
        mask = raster.surface[y0:y1, x0:x1] == index
        if mask.any():
            _copy(_warped(ripmap, to_surface, strip), mask, raster.texel[y0:y1, x0:x1])


def _strips(box: Box, to_surface: FloatArray) -> list[Box]:
    """Halve a box as long as the depth in it varies much."""
    left, top, right, bottom = box
    g, h, i = to_surface[2].tolist()
    middle_x, middle_y = 0.5 * (left + right), 0.5 * (top + bottom)
    ends_x = [g * x + h * middle_y + i for x in (left, right - 1)]
    ends_y = [g * middle_x + h * y + i for y in (top, bottom - 1)]
    ratio_x, ratio_y = (max(ends) / max(1e-3 * max(*ends, 1e-9), min(ends)) for ends in (ends_x, ends_y))
    wide, high = right - left, bottom - top
    if ratio_x >= ratio_y and ratio_x > 1.6 and wide > 2 * _SMALLEST_STRIP_PX:
        middle = left + wide // 2
        return _strips((left, top, middle, bottom), to_surface) + _strips((middle, top, right, bottom), to_surface)
    if ratio_y > 1.6 and high > 2 * min(_SMALLEST_STRIP_PX, 4):
        middle = top + high // 2
        return _strips((left, top, right, middle), to_surface) + _strips((left, middle, right, bottom), to_surface)
    return [box]


def _warped(ripmap: RipMap, to_surface: FloatArray, box: Box) -> Rgba:
    """Look the texture up for every pixel of a box, at the sharpness that suits its middle."""
    left, top, right, bottom = box
    (a, b, c), (d, e, f), (g, h, i) = rows = to_surface.tolist()
    x, y = 0.5 * (left + right - 1), 0.5 * (top + bottom - 1)
    inverse = g * x + h * y + i
    base_height, base_width = ripmap.base.shape[:2]
    levels = []
    for row, size in ((rows[0], base_width), (rows[1], base_height)):
        texels = 1e-9
        if inverse > 1e-9:
            place = (row[0] * x + row[1] * y + row[2]) / inverse
            texels += math.hypot(row[0] - place * g, row[1] - place * h) / inverse * size
        most = min(MAX_LEVEL, int(math.log2(size)))
        levels.append(max(0, min(most, round(math.log2(texels) - 0.1))))
    picture = ripmap.level(levels[0], levels[1])
    height, width = picture.shape[:2]
    if height == width == 1:  # which the OpenCV of Ubuntu 22.04 refuses
        return np.broadcast_to(picture, (bottom - top, right - left, picture.shape[2]))
    i += g * left + h * top  # from here on the box's corner is the origin
    to_texel = np.array(
        [
            [width * a - 0.5 * g, width * b - 0.5 * h, width * (c + a * left + b * top) - 0.5 * i],
            [height * d - 0.5 * g, height * e - 0.5 * h, height * (f + d * left + e * top) - 0.5 * i],
            [g, h, i],
        ]
    )
    return cv2.warpPerspective(
        picture,
        to_texel,
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.uint8, copy=False)
