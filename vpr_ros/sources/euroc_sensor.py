# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""EuRoC ``sensor.yaml`` of a camera: where it sits on the body, and its intrinsics."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.core.files import read_yaml
from vpr_ros.core.frames import SizePx
from vpr_ros.core.lens_names import lens_named
from vpr_ros.core.pose import Pose
from vpr_ros.sources.trajectory_text import rotation_fault

_LARGEST_BYTES: Final = 1 << 16
_KEYS: Final = ("resolution", "intrinsics", "distortion_model", "distortion_coefficients")


def euroc_mount(file: Path) -> Pose:
    """``T_BS``: the poses are those of the body, not of the camera.

    Raises:
        SourceError: there is none, or it is no rotation and position.
    """
    content = read_yaml(file, SourceError, _LARGEST_BYTES)
    remedy = "Correct it, or remove the file to have the camera's place unknown"
    try:
        matrix = np.array(content["T_BS"]["data"], dtype=np.float64).reshape(4, 4)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        found = " ".join(str(error).split())[:200]
        raise SourceError(f"{file} holds no camera pose T_BS with 16 numbers ({found})", remedy) from error
    fault = rotation_fault(matrix[:3, :3]) if np.isfinite(matrix).all() else "not finite"
    if fault:
        raise SourceError(f"{file}: T_BS is no rotation and position ({fault})", remedy)
    return Pose.from_rotation(matrix[:3, 3], Rotation.from_matrix(matrix[:3, :3]))


def euroc_intrinsics(file: Path, _: SizePx | None) -> CameraIntrinsics | None:
    """The intrinsics of a pinhole camera with or without distortion; None where the file gives none.

    Raises:
        SourceError, ConfigError: they cannot be.
    """
    content: Any = read_yaml(file, SourceError, _LARGEST_BYTES)
    if not isinstance(content, dict) or not any(key in content for key in _KEYS):
        return None
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise ConfigError(f"it has no {' and no '.join(missing)}", "Add it")
    if (model := str(content.get("camera_model", "pinhole"))) != "pinhole":
        raise ConfigError(f"found the camera model {model[:80]!r}, expected 'pinhole'", "Calibrate it as one")
    size_px, focal_and_centre_px, coefficients = (
        _listed(content[key], key, length)
        for key, length in (("resolution", 2), ("intrinsics", 4), ("distortion_coefficients", None))
    )
    lens = lens_named(str(content["distortion_model"]))
    (width_px, height_px), (fx_px, fy_px, cx_px, cy_px) = size_px, focal_and_centre_px
    return CameraIntrinsics(width_px, height_px, fx_px, fy_px, cx_px, cy_px, lens, tuple(coefficients))


def _listed(value: Any, key: str, length: int | None) -> list[Any]:
    if not isinstance(value, list) or length not in {None, len(value)}:
        expected = "a list of numbers" if length is None else f"a list of {length} numbers"
        raise ConfigError(f"found {key} {str(value)[:80]!r}, expected {expected}", "Correct it")
    return value
