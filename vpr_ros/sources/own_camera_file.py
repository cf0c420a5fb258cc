# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Our own ``camera.yaml``, which ``simulate --record`` and the data sets of towns write beside their images."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import SourceError
from vpr_ros.core.files import read_yaml
from vpr_ros.core.frames import SizePx
from vpr_ros.core.mount import mount_problem
from vpr_ros.core.pose import Pose
from vpr_ros.sources.text_lines import is_file

_NAME: Final = "camera.yaml"
_KEYS: Final = frozenset({"width_px", "fx_px", "lens"})
_LARGEST_BYTES: Final = 1 << 16


def own_camera_file(folder: Path) -> Path | None:
    """The file of the images in *folder*, there or beside it."""
    return next((p for p in (folder / _NAME, folder.parent / _NAME) if is_file(p)), None)


def own_intrinsics(path: Path, _: SizePx | None) -> CameraIntrinsics | None:
    """How the camera sees; None where a file of this name is another's.

    Raises:
        SourceError, ConfigError: it cannot be read, or its numbers contradict each other.
    """
    plain = read_yaml(path, SourceError, _LARGEST_BYTES)
    return CameraIntrinsics.from_dict(plain) if isinstance(plain, dict) and plain.keys() >= _KEYS else None


def own_mount(folder: Path) -> tuple[Pose | None, list[str]]:
    """Where the camera sits on the robot whose poses the images have, and why that is not used where it is not."""
    path = own_camera_file(folder)
    if path is None:
        return None, []
    try:
        plain = read_yaml(path, SourceError, _LARGEST_BYTES)
        mount = plain.get("T_base_camera") if isinstance(plain, dict) and plain.keys() >= _KEYS else None
        if mount is None:
            return None, []
        x, y, z = (float(number) for number in mount["position_m"])
        qx, qy, qz, qw = (float(number) for number in mount["quat_xyzw"])
        T_base_camera = Pose((x, y, z), (qx, qy, qz, qw))
        problem = mount_problem(T_base_camera)
        said = f"it {problem}" if problem else ""
    except (SourceError, KeyError, TypeError, ValueError, OverflowError) as error:
        said = error.problem if isinstance(error, SourceError) else repr(error)[:200]
    return (None, [f"T_base_camera of {path} is not used: {said}"]) if said else (T_base_camera, [])
