"""Which surfaces a camera can see, and the homographies from its pixels to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.camera import PinholeCamera
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

    camera: PinholeCamera
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
        corners_m: (K, 4, 3) in the optical frame, around the edge.
        to_surface: (K, 3, 3) from homogeneous pixel to (s/z, t/z, 1/z): s along ``right``, t along ``down``,
            z the depth.
        nearest_m: (K,) smallest depth of a corner.
    """

    index: npt.NDArray[np.int64]
    corners_m: FloatArray
    to_surface: FloatArray
    nearest_m: FloatArray


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
    basis = np.stack([right[chosen], down[chosen], corner[chosen]], axis=2)
    to_surface = np.linalg.inv(basis) @ camera.inverse_matrix
    return Candidates(keep[chosen], corners[chosen], to_surface, depth[chosen].min(axis=1))


def clipped_pixels(corners_m: FloatArray, camera: PinholeCamera) -> FloatArray:
    """Project a polygon after cutting off what is nearer than ``NEAR_M``: (M, 2) pixels, perhaps none."""
    depth = corners_m[:, 2]
    if depth.min() < NEAR_M:
        kept = []
        for a, b in zip(corners_m, np.roll(corners_m, -1, axis=0), strict=True):
            if a[2] >= NEAR_M:
                kept.append(a)
            if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
                kept.append(a + (b - a) * (NEAR_M - a[2]) / (b[2] - a[2]))
        if len(kept) < 3:
            return np.empty((0, 2))
        corners_m = np.array(kept)
    scaled = corners_m[:, :2] / corners_m[:, 2:]
    return np.asarray(scaled * (camera.fx_px, camera.fy_px) + (camera.cx_px, camera.cy_px))
