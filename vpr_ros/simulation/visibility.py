"""Which surfaces a camera can see, and the homographies from its pixels to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.simulation.surfaces import FloatArray, Surfaces

NEAR_M: Final = 0.25
FAR_M: Final = 260.0


@dataclass(frozen=True, eq=False)
class View:
    """A camera at a place.

    Attributes:
        camera: its intrinsics.
        rotation: (3, 3) from the optical frame to the map frame.
        eye_m: (3,) where it is in the map frame.
    """

    camera: CameraIntrinsics
    rotation: FloatArray
    eye_m: FloatArray

    @property
    def rays(self) -> FloatArray:
        """(3, 3) from homogeneous pixels to map-frame directions of depth 1."""
        return np.asarray(self.rotation @ self.camera.inverse_matrix)


@dataclass(frozen=True, eq=False)
class Candidates:
    """K surfaces that may be seen, nearest first.

    Attributes:
        index: (K,) into the surfaces.
        outlines_px: K polygons (M, 2), cut off where they come nearer than ``NEAR_M``.
        to_surface: (K, 3, 3) from homogeneous pixel to (s/z, t/z, 1/z): s along ``right``, t along ``down``,
            z the depth.
        nearest_m: (K,) smallest depth of a corner.
        boxes_px: (K, 4) left, top, right and bottom in the image; right and bottom excluded.
    """

    index: npt.NDArray[np.int64]
    outlines_px: tuple[FloatArray, ...]
    to_surface: FloatArray
    nearest_m: FloatArray
    boxes_px: npt.NDArray[np.int64]


def candidates(surfaces: Surfaces, view: View) -> Candidates:
    """Drop what is behind, beside, too far, or shows its back."""
    eye = surfaces.corner_m - view.eye_m
    facing = np.einsum("ni,ni->n", np.cross(surfaces.down_m, surfaces.right_m), -eye)
    keep = np.flatnonzero((facing > 1e-9) | (surfaces.two_sided & (np.abs(facing) > 1e-9)))
    corner = eye[keep] @ view.rotation
    right, down = surfaces.right_m[keep] @ view.rotation, surfaces.down_m[keep] @ view.rotation
    corners = np.stack([corner, corner + right, corner + right + down, corner + down], axis=1)
    depth = corners[..., 2]
    inside = (depth.max(axis=1) > NEAR_M) & (depth.min(axis=1) < FAR_M)
    camera = view.camera
    for axis, low, high, focal in (
        (0, camera.cx_px + 0.5, camera.width_px - 0.5 - camera.cx_px, camera.fx_px),
        (1, camera.cy_px + 0.5, camera.height_px - 0.5 - camera.cy_px, camera.fy_px),
    ):
        inside &= (corners[..., axis] * focal > -low * depth).any(axis=1)
        inside &= (corners[..., axis] * focal < high * depth).any(axis=1)
    chosen = np.flatnonzero(inside)
    nearest = depth[chosen].min(axis=1)
    chosen = chosen[np.argsort(nearest, kind="stable")]
    outlines, boxes = _projected(corners[chosen], camera)
    shown = np.flatnonzero((boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3]))
    chosen = chosen[shown]
    basis = np.stack([right[chosen], down[chosen], corner[chosen]], axis=2)
    to_surface = np.linalg.inv(basis) @ camera.inverse_matrix
    return Candidates(
        keep[chosen], tuple(outlines[k] for k in shown), to_surface, depth[chosen].min(axis=1), boxes[shown]
    )


def _projected(corners_m: FloatArray, camera: CameraIntrinsics) -> tuple[list[FloatArray], npt.NDArray[np.int64]]:
    """Project quadrilaterals (K, 4, 3): their outlines, cut off at ``NEAR_M``, and boxes (K, 4) inside the image."""
    focal, centre = np.array([camera.fx_px, camera.fy_px]), np.array([camera.cx_px, camera.cy_px])
    safe = np.maximum(corners_m[..., 2:], NEAR_M)
    pixels = corners_m[..., :2] / safe * focal + centre
    outlines = list(pixels)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    for k in np.flatnonzero(corners_m[..., 2].min(axis=1) < NEAR_M):
        cut = _cut_off(corners_m[k])
        outlines[k] = cut[:, :2] / cut[:, 2:] * focal + centre
        low[k], high[k] = outlines[k].min(axis=0), outlines[k].max(axis=0)
    size = (camera.width_px, camera.height_px)
    boxes = np.concatenate([np.maximum(np.floor(low), 0), np.minimum(np.ceil(high) + 1, size)], axis=1)
    return outlines, boxes.astype(np.int64)


def _cut_off(corners_m: FloatArray) -> FloatArray:
    """Keep what is at least ``NEAR_M`` away of a polygon that has such corners."""
    kept = []
    for a, b in zip(corners_m, np.roll(corners_m, -1, axis=0), strict=True):
        if a[2] >= NEAR_M:
            kept.append(a)
        if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
            kept.append(a + (b - a) * (NEAR_M - a[2]) / (b[2] - a[2]))
    return np.array(kept)
