# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How a camera sees: pixels to rays and back, with the distortion of its lens. OpenCV does the mathematics.

Pixel centres have integer coordinates, x to the right and y down, as in OpenCV and ROS. Points and rays are in the
camera's optical frame: x right, y down, z ahead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError

FloatArray = npt.NDArray[np.float64]

LARGEST_SIZE_PX: Final = 1 << 20
LARGEST_NUMBER: Final = 1e9
"""Beyond any focal length or coefficient; its square is still a number."""
LARGEST_MISFIT_PX: Final = 0.01
"""A ray that projects farther than this from its pixel is none of it: the lens model ends before the pixel."""
_STEP: Final = 1e-6
_EXACT: Final = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-12)


class Lens(Enum):
    """The model of the distortion, by the name that a map's manifest gives it."""

    BROWN_CONRADY = "brown_conrady"
    """k1, k2, p1, p2[, k3[, k4, k5, k6[, s1, s2, s3, s4[, tau_x, tau_y]]]], in OpenCV's order."""
    KANNALA_BRANDT = "kannala_brandt"
    """The fisheye: k1, k2, k3, k4 of the angle."""


COEFFICIENTS: Final[Mapping[Lens, tuple[int, ...]]] = {
    Lens.BROWN_CONRADY: (0, 4, 5, 8, 12, 14),
    Lens.KANNALA_BRANDT: (4,),
}
"""How many coefficients a lens may have."""


@dataclass(frozen=True)
class CameraIntrinsics:
    """What one camera does to light, for images of one size.

    Attributes:
        width_px, height_px: size of the image.
        fx_px, fy_px: focal lengths.
        cx_px, cy_px: principal point.
        lens: what the coefficients mean.
        distortion: the coefficients, without unit; none for a pinhole.
    """

    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    lens: Lens = Lens.BROWN_CONRADY
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no camera can be.

        Raises:
            ConfigError: a size or a focal length that is not positive, a number that is none, or another number of
                coefficients than the lens has.
        """
        remedy = "Correct the calibration"
        sizes = (self.width_px, self.height_px)
        if not all(_is_whole(size) and 0 < size <= LARGEST_SIZE_PX for size in sizes):
            raise ConfigError(f"found a camera of {_shown(sizes)} px, expected two positive whole numbers", remedy)
        focal_px = (self.fx_px, self.fy_px)
        if not all(_is_number(value) and value > 0 for value in focal_px):
            raise ConfigError(f"found the focal lengths {_shown(focal_px)} px, expected positive numbers", remedy)
        centre_px = (self.cx_px, self.cy_px)
        if not all(map(_is_number, centre_px)):
            raise ConfigError(f"found the principal point {_shown(centre_px)} px, expected two numbers", remedy)
        if not all(map(_is_number, self.distortion)):
            raise ConfigError(f"found the distortion {_shown(self.distortion)}, expected finite numbers", remedy)
        if len(self.distortion) not in COEFFICIENTS[self.lens]:
            raise ConfigError(
                f"found {len(self.distortion)} coefficients of distortion, the model {self.lens.value} has "
                f"{' or '.join(map(str, COEFFICIENTS[self.lens]))}",
                remedy,
            )

    @classmethod
    def from_fov(
        cls, width_px: int, height_px: int, horizontal_fov_rad: float = math.radians(75.0)
    ) -> CameraIntrinsics:
        """A pinhole of a horizontal field of view, with square pixels and the principal point in the middle.

        Raises:
            ConfigError: a field of view outside (0, pi), or an impossible size.
        """
        if not 0.0 < horizontal_fov_rad < math.pi:
            raise ConfigError(
                f"found a horizontal field of view of {horizontal_fov_rad} rad", "Give one between 0 and pi"
            )
        focal_px = 0.5 * width_px / math.tan(0.5 * horizontal_fov_rad)
        return cls(width_px, height_px, focal_px, focal_px, (width_px - 1) / 2, (height_px - 1) / 2)

    @classmethod
    def from_dict(cls, plain: object) -> CameraIntrinsics:
        """Read what ``to_dict`` wrote.

        Raises:
            ConfigError: an entry is missing, or see the constructor.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(plain, Mapping) or not all(name in plain for name in names):
            raise ConfigError(f"found intrinsics that are no table of {', '.join(names)}", "Write them again")
        lenses, distortion = [lens.value for lens in Lens], plain["distortion"]
        if plain["lens"] not in lenses or not isinstance(distortion, list):
            raise ConfigError(
                f"found the lens {_shown(plain['lens'])} with the distortion {_shown(distortion)}, expected one of "
                f"{', '.join(lenses)} with a list of numbers",
                "Write the intrinsics again",
            )
        numbers = {name: plain[name] for name in names[:6]}
        return cls(**numbers, lens=Lens(plain["lens"]), distortion=tuple(distortion))

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        return {**asdict(self), "lens": self.lens.value, "distortion": list(self.distortion)}

    @property
    def matrix(self) -> FloatArray:
        """The (3, 3) matrix K."""
        return np.array([[self.fx_px, 0.0, self.cx_px], [0.0, self.fy_px, self.cy_px], [0.0, 0.0, 1.0]])

    @property
    def inverse_matrix(self) -> FloatArray:
        """K^-1: homogeneous pixel without distortion to the point of its ray at depth 1."""
        return np.array(
            [
                [1.0 / self.fx_px, 0.0, -self.cx_px / self.fx_px],
                [0.0, 1.0 / self.fy_px, -self.cy_px / self.fy_px],
                [0.0, 0.0, 1.0],
            ]
        )

    @property
    def has_distortion(self) -> bool:
        """Whether straight lines may look bent."""
        return self.lens is Lens.KANNALA_BRANDT or any(self.distortion)

    @property
    def undistorted(self) -> CameraIntrinsics:
        """The pinhole whose pixels ``undistort`` gives."""
        return replace(self, lens=Lens.BROWN_CONRADY, distortion=())

    def project(self, points_m: npt.ArrayLike) -> FloatArray:
        """(N, 3) points in the optical frame -> (N, 2) pixels, which may lie outside the image.

        NaN for what is not in front of the camera. A lens model bends back far outside the image it was fitted to:
        a point out there may get a pixel inside, and only ``unproject`` knows.
        """
        points = np.asarray(points_m, dtype=np.float64).reshape(-1, 3)
        pixels = np.full((len(points), 2), np.nan)
        ahead = np.isfinite(points).all(axis=1) & (points[:, 2] > 0)
        if ahead.any():
            turn = shift = np.zeros(3)
            if self.lens is Lens.KANNALA_BRANDT:
                seen, _ = cv2.fisheye.projectPoints(
                    points[ahead].reshape(-1, 1, 3), turn, shift, self.matrix, np.array(self.distortion)
                )
            else:
                seen, _ = cv2.projectPoints(points[ahead], turn, shift, self.matrix, np.array(self.distortion))
            pixels[ahead] = seen.reshape(-1, 2)
        return pixels

    def unproject(self, pixels_px: npt.ArrayLike) -> FloatArray:
        """(N, 2) pixels -> (N, 3) points of their rays at depth 1; NaN where the lens model has no ray.

        Times the depth along the optical axis, a row is the point in the optical frame.
        """
        pixels = np.asarray(pixels_px, dtype=np.float64).reshape(-1, 2)
        rays = np.full((len(pixels), 3), np.nan)
        known = np.isfinite(pixels).all(axis=1)
        if known.any():
            rays[known, :2] = self._normalised(pixels[known])
            rays[known, 2] = 1.0
        if known.any() and self.has_distortion:
            here = self.project(rays)
            misfit_px = np.linalg.norm(here - pixels, axis=1)
            rays[~((misfit_px <= LARGEST_MISFIT_PX) & self._is_unfolded(rays, here))] = np.nan
        return rays

    def undistort(self, pixels_px: npt.ArrayLike) -> FloatArray:
        """(N, 2) pixels, of keypoints say -> (N, 2) pixels of the same rays in a pinhole with the same matrix.

        NaN where the lens model has no ray. What lies at the edge of a wide lens comes to lie far outside the image.
        """
        return self.undistorted.project(self.unproject(pixels_px))

    def scaled(self, width_px: int, height_px: int) -> CameraIntrinsics:
        """For the same view in images of another size.

        Raises:
            ConfigError: a size that is not positive.
        """
        across, down = width_px / self.width_px, height_px / self.height_px
        return replace(
            self,
            width_px=width_px,
            height_px=height_px,
            fx_px=self.fx_px * across,
            fy_px=self.fy_px * down,
            # The image begins half a pixel before the centre of its first one.
            cx_px=(self.cx_px + 0.5) * across - 0.5,
            cy_px=(self.cy_px + 0.5) * down - 0.5,
        )

    def cropped(self, left_px: int, top_px: int, width_px: int, height_px: int) -> CameraIntrinsics:
        """For a part of the image that begins at pixel (*left_px*, *top_px*).

        Raises:
            ConfigError: a size that is not positive.
        """
        return replace(
            self, width_px=width_px, height_px=height_px, cx_px=self.cx_px - left_px, cy_px=self.cy_px - top_px
        )

    def _is_unfolded(self, rays: FloatArray, here: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether pixels around that of a ray lie as the rays do: a polynomial comes to each pixel more than once."""
        right, below = (self.project(rays + step) for step in ((_STEP, 0.0, 0.0), (0.0, _STEP, 0.0)))
        across, down = (right - here) / _STEP, (below - here) / _STEP
        turn = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
        return np.asarray((turn > 0) & (across[:, 0] + down[:, 1] > 0))

    def _normalised(self, pixels: FloatArray) -> FloatArray:
        columns, coefficients = pixels.reshape(-1, 1, 2), np.array(self.distortion)
        if self.lens is Lens.KANNALA_BRANDT:
            seen = cv2.fisheye.undistortPoints(columns, self.matrix, coefficients)
        else:
            # undistortPoints itself stops after five rounds, hundredths of a pixel away at the edge of a wide lens.
            seen = cv2.undistortPointsIter(columns, self.matrix, coefficients, np.eye(3), np.eye(3), _EXACT)
        return np.asarray(seen, dtype=np.float64).reshape(-1, 2)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER


def _shown(value: object) -> str:
    return repr(value)[:80]
