# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The calibration files of KITTI: ``calib.txt`` of an odometry sequence, ``calib_cam_to_cam.txt`` of a raw drive.

Lines are ``NAME: numbers``. ``P`` is a 3x4 projection of rectified images; ``K``, ``D`` and ``S`` are matrix,
distortion and size of a camera before, ``S_rect`` the size after.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.core.files import read_text
from vpr_ros.core.frames import SizePx

_LARGEST_BYTES: Final = 1 << 16
_UNRECTIFIED: Final = "_extract"
"""What the name of a raw drive ends with whose images were not rectified."""


def kitti_odometry_intrinsics(file: Path, camera: str, size_px: SizePx | None) -> CameraIntrinsics | None:
    """Those of ``image_0`` to ``image_3``; None where the size of the images is not known, which no line gives.

    Raises:
        SourceError, ConfigError: the file cannot be read or has no such camera.
    """
    if size_px is None:
        return None
    return _projected(_numbers(_read(file), f"P{camera[-1]}", 12), size_px)


def kitti_raw_intrinsics(file: Path, camera: Path, _: SizePx | None) -> CameraIntrinsics:
    """Those of the folder ``image_00`` to ``image_03`` of a drive, rectified (``_sync``) or not (``_extract``).

    Raises:
        SourceError, ConfigError: the file cannot be read or has no such camera.
    """
    lines, number = _read(file), camera.name[-2:]
    if not camera.parent.name.endswith(_UNRECTIFIED):
        return _projected(_numbers(lines, f"P_rect_{number}", 12), _size(lines, f"S_rect_{number}"))
    K, coefficients = _numbers(lines, f"K_{number}", 9), _numbers(lines, f"D_{number}", 5)
    size_px = _size(lines, f"S_{number}")
    return CameraIntrinsics(*size_px, K[0], K[4], K[2], K[5], Lens.BROWN_CONRADY, tuple(coefficients))


def _projected(P: Sequence[float], size_px: SizePx) -> CameraIntrinsics:
    return CameraIntrinsics(*size_px, P[0], P[5], P[2], P[6])


def _read(file: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in read_text(file, SourceError, _LARGEST_BYTES).splitlines())
    return {name.strip(): values for name, _, values in lines}


def _numbers(lines: dict[str, str], name: str, count: int) -> list[float]:
    cells = lines.get(name, "").split()
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = []
    if len(values) != count:
        raise ConfigError(f"it has no line {name} with {count} numbers", "Unpack the calibration again")
    return values


def _size(lines: dict[str, str], name: str) -> SizePx:
    width_px, height_px = _numbers(lines, name, 2)
    if not (width_px.is_integer() and height_px.is_integer()):
        raise ConfigError(f"its line {name} is no size of an image", "Unpack the calibration again")
    return int(width_px), int(height_px)
