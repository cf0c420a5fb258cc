# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The calibration of a camera in a file that a user names: every format that a recording may bring, and two more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError, VprError
from vpr_ros.core.files import parse_yaml, read_text
from vpr_ros.core.fitted_intrinsics import fitted
from vpr_ros.core.frames import CameraMount, SizePx
from vpr_ros.core.lens_names import lens_named
from vpr_ros.sources.colmap_cameras import colmap_intrinsics, names_a_model
from vpr_ros.sources.euroc_sensor import euroc_intrinsics

_LARGEST_BYTES: Final = 1 << 16
_OWN_KEYS: Final = frozenset({"width_px", "fx_px", "lens"})
_ROS_KEYS: Final = frozenset({"image_width", "image_height", "camera_matrix"})
_EUROC_KEYS: Final = frozenset({"resolution", "intrinsics"})
_KNOWN: Final = (
    "Give a camera_info YAML of ROS's camera_calibration, EuRoC's sensor.yaml, COLMAP's cameras.txt, a camera.yaml of "
    "`simulate`, or three lines of three numbers"
)


def calibrated(cameras: Mapping[str, CameraMount], file: Path, size_px: SizePx) -> dict[str, CameraMount]:
    """The one camera of a recording with the intrinsics of *file*, which count in place of its own.

    Args:
        cameras: of the recording.
        file: see ``read_intrinsics``.
        size_px: width and height of its images.

    Raises:
        ConfigError: several cameras, a file that is none of these, or one for images of another shape.
    """
    if len(cameras) != 1:
        raise ConfigError(
            f"--intrinsics {file} is for one camera, the recording has {len(cameras)}: {', '.join(cameras)}",
            "Choose one with --image-topic",
        )
    found, said = fitted(read_intrinsics(file, size_px), size_px, str(file))
    if found is None:
        raise ConfigError("; ".join(said).removesuffix(": their intrinsics are not known"), "Calibrate these images")
    return {name: replace(camera, intrinsics=found) for name, camera in cameras.items()}


def read_intrinsics(file: Path, size_px: SizePx) -> CameraIntrinsics:
    """How the camera sees that *file* describes.

    Args:
        file: in one of the formats; which one, its content says.
        size_px: of the images, which a bare matrix does not say.

    Raises:
        ConfigError: the file cannot be read, is none of these, or no camera can be as it says.
    """
    content = read_text(file, ConfigError, _LARGEST_BYTES)
    try:
        if (matrix := _matrix(content)) is not None:
            return _of_matrix(matrix, size_px)
        if names_a_model(content):
            found = colmap_intrinsics(file, size_px)
        else:
            plain = parse_yaml(content, str(file), ConfigError)
            found = _of_yaml(file, plain if isinstance(plain, dict) else {}, size_px)
    except VprError as error:
        raise ConfigError(f"{file}: {error.problem.removeprefix(f'{file}: ')}", error.remedy) from error
    if found is None:
        raise ConfigError(f"{file} is no calibration of a camera that this software knows", _KNOWN)
    return found


def _of_yaml(file: Path, plain: Mapping[str, Any], size_px: SizePx) -> CameraIntrinsics | None:
    if plain.keys() >= _OWN_KEYS:
        return CameraIntrinsics.from_dict(plain)
    if plain.keys() >= _ROS_KEYS:
        return _of_ros(plain)
    if plain.keys() >= _EUROC_KEYS:
        return euroc_intrinsics(file, size_px)
    return None


def _of_ros(plain: Mapping[str, Any]) -> CameraIntrinsics:
    """``image_width``, ``camera_matrix``, ``distortion_coefficients``: of the images before they are rectified."""
    matrix = np.array(_data(plain, "camera_matrix", 9)).reshape(3, 3)
    coefficients = _data(plain, "distortion_coefficients", None) if "distortion_coefficients" in plain else []
    lens = lens_named(str(plain.get("distortion_model", "")))
    width_px, height_px = plain["image_width"], plain["image_height"]
    return replace(_of_matrix(matrix, (width_px, height_px)), lens=lens, distortion=tuple(coefficients))


def _data(plain: Mapping[str, Any], key: str, length: int | None) -> list[float]:
    values = plain[key].get("data") if isinstance(plain[key], dict) else None
    if not isinstance(values, list) or length not in {None, len(values)}:
        raise ConfigError(
            f"found {key} {str(plain[key])[:80]!r}, expected a table with data of {length or 'some'} numbers",
            "Write the calibration again",
        )
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"{key} is not made of numbers ({str(error)[:80]})", "Write the calibration again") from error


def _of_matrix(matrix: np.ndarray[Any, np.dtype[np.float64]], size_px: SizePx) -> CameraIntrinsics:
    fx, fy, cx, cy = (float(matrix[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2)))
    expected = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    if not np.allclose(matrix, expected, atol=1e-6):
        raise ConfigError(
            f"found the matrix {' '.join(f'{value:g}' for value in matrix.ravel())}, expected fx 0 cx 0 fy cy 0 0 1",
            "Calibrate without skew",
        )
    return CameraIntrinsics(*size_px, fx, fy, cx, cy)


def _matrix(content: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Three lines of three numbers."""
    rows = [line.replace(",", " ").split() for line in content.splitlines() if line.strip() and line.strip()[0] != "#"]
    if [len(row) for row in rows] != [3, 3, 3]:
        return None
    try:
        return np.array([[float(cell) for cell in row] for row in rows])
    except ValueError:
        return None
