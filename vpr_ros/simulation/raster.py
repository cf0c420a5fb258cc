"""Surfaces to pixels: a depth buffer filled from near to far, and textures for what remained visible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.conditions import Season
from vpr_ros.simulation.ground import Ground
from vpr_ros.simulation.surfaces import FloatArray, Surfaces
from vpr_ros.simulation.textures import MAX_LEVEL, Rgba, RipMap, TextureStore
from vpr_ros.simulation.visibility import Candidates, View, candidates, clipped_pixels

NOTHING: Final = -2
GROUND: Final = -1
_SHIFT: Final = 4  # fractional bits of OpenCV's polygon corners
_SMALLEST_STRIP_PX: Final = 12


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
    boxes = [_cover(raster, surfaces, textures, view, season, found, k) for k in range(len(found.index))]
    for k, box in enumerate(boxes):
        if box is not None and not surfaces.cutout[found.index[k]]:
            texture = int(surfaces.texture[found.index[k]])
            _paint(raster, box, int(found.index[k]), lambda t=texture: textures.get(t, season), found.to_surface[k])
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


def _cover(
    raster: Raster,
    surfaces: Surfaces,
    textures: TextureStore,
    view: View,
    season: Season,
    found: Candidates,
    k: int,
) -> Box | None:
    """Claim the pixels where surface k is nearest; a cut-out one is painted at once, where it is opaque."""
    height, width = raster.surface.shape
    pixels = clipped_pixels(found.corners_m[k], view.camera)
    if not len(pixels):
        return None
    low, high = np.floor(pixels.min(axis=0)), np.ceil(pixels.max(axis=0))
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(width, int(high[0]) + 1), min(height, int(high[1]) + 1)
    if left >= right or top >= bottom:
        return None
    behind = raster.inverse_depth[top:bottom, left:right]
    if found.nearest_m[k] > 0.25 and behind.min() * found.nearest_m[k] > 1.0:
        return None
    mask = np.zeros(behind.shape, dtype=np.uint8)
    outline = np.round((pixels - (left, top)) * 2**_SHIFT).astype(np.int32)
    cv2.fillConvexPoly(mask, outline, 1, cv2.LINE_8, _SHIFT)
    inverse = _plane(found.to_surface[k, 2], left, top, *behind.shape)
    seen = inverse > behind
    seen &= mask.view(np.bool_)
    index = int(found.index[k])
    if surfaces.cutout[index]:
        if not seen.any():
            return None
        board = _warped(
            textures.get(int(surfaces.texture[index]), season), found.to_surface[k], (left, top, right, bottom)
        )
        seen &= board[..., 3] > 127
        np.copyto(raster.texel[top:bottom, left:right], board, where=seen[..., None])
    np.copyto(behind, inverse, where=seen)
    np.copyto(raster.surface[top:bottom, left:right], index, where=seen)
    return left, top, right, bottom


def _paint(raster: Raster, box: Box, index: int, texture: object, to_surface: FloatArray) -> None:
    """Texture the pixels of one surface, in strips where its distance varies, so that each strip has its own sharpness."""
    left, top, right, bottom = box
    seen = raster.surface[top:bottom, left:right] == index
    columns = np.flatnonzero(seen.any(axis=0))
    if not len(columns):
        return
    rows = np.flatnonzero(seen.any(axis=1))
    left, right = left + int(columns[0]), left + int(columns[-1]) + 1
    top, bottom = top + int(rows[0]), top + int(rows[-1]) + 1
    ripmap = texture()  # type: ignore[operator]
    for strip in _strips((left, top, right, bottom), to_surface):
        x0, y0, x1, y1 = strip
        mask = raster.surface[y0:y1, x0:x1] == index
        if mask.any():
            np.copyto(raster.texel[y0:y1, x0:x1], _warped(ripmap, to_surface, strip), where=mask[..., None])


def _strips(box: Box, to_surface: FloatArray) -> list[Box]:
    """Halve a box as long as the depth in it varies much."""
    left, top, right, bottom = box
    inverse = to_surface[2]
    ends_x = [inverse @ (x, 0.5 * (top + bottom), 1.0) for x in (left, right - 1)]
    ends_y = [inverse @ (0.5 * (left + right), y, 1.0) for y in (top, bottom - 1)]
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
    centre = np.array([0.5 * (left + right - 1), 0.5 * (top + bottom - 1), 1.0])
    s, t, inverse = to_surface @ centre
    height, width = ripmap.base.shape[:2]
    levels = []
    for row, value, size in ((to_surface[0], s, width), (to_surface[1], t, height)):
        step = (row[:2] - value / inverse * to_surface[2, :2]) / inverse if inverse > 1e-9 else np.ones(2)
        texels = float(np.hypot(*step)) * size
        most = min(MAX_LEVEL, int(math.log2(size)))
        levels.append(int(np.clip(round(math.log2(max(texels, 1e-9)) - 0.1), 0, most)))
    picture = ripmap.level(*levels)
    rows, columns = picture.shape[:2]
    to_texel = np.array([[columns, 0, -0.5], [0, rows, -0.5], [0, 0, 1.0]]) @ to_surface
    to_texel = to_texel @ np.array([[1.0, 0, left], [0, 1.0, top], [0, 0, 1.0]])
    return cv2.warpPerspective(
        picture,
        to_texel,
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.uint8, copy=False)
