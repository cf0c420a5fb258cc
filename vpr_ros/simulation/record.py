# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A simulated drive as a folder of images with trajectory, intrinsics and the truth per pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from vpr_ros.core.disk import folder_beside
from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import ODOMETRY_NAME
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.simulation.drive import StampedPose
from vpr_ros.simulation.odometry import noisy_odometry
from vpr_ros.simulation.source import SimulatedSource

DEPTH_UNIT_M: Final = 0.001
_FARTHEST_MM: Final = 65535


def record_folder(
    source: SimulatedSource,
    path: Path,
    *,
    truth: bool = False,
    labels: bool = False,
    image_suffix: str = ".png",
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a drive to a new folder, which appears whole or not at all.

    ``images/STAMP_NS.png``, ``trajectory.txt`` (TUM: seconds, position, quaternion xyzw of ``T_map_base``),
    ``odometry.txt`` (the same of ``T_odom_base``, as wheels believe), ``camera.yaml`` (intrinsics,
    ``T_base_camera``); with *truth* or *labels* also ``labels/STAMP_NS.png`` (uint8,
    ``Label``), with *truth* ``depth/STAMP_NS.png`` (16-bit millimetres along the optical axis; 0: the sky, or farther
    than 65.535 m).

    Args:
        source: the drive.
        path: must not exist yet.
        truth: whether to write labels and depth,
        labels: or labels alone.
        image_suffix: ".png", or ".jpg" for a tenth of the size.
        progress: called with frames done and frames in all.

    Raises:
        SourceError: *path* exists, or the disk refused.
    """
    if path.exists():
        raise SourceError(f"{path} exists already", "Choose another folder or remove this one")
    with folder_beside(path, SourceError) as beside:
        made = beside / path.name
        made.mkdir()
        beside_images = [name for name, wanted in (("labels", truth or labels), ("depth", truth)) if wanted]
        _write(source, made, beside_images, image_suffix, progress)
        made.rename(path)


def _write(
    source: SimulatedSource,
    folder: Path,
    truth: Sequence[str],
    image_suffix: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    for name in ("images", *truth):
        (folder / name).mkdir()
    for index, (stamp_ns, _) in enumerate(source.poses):
        rendering = source.rendering(index)
        _save(folder / "images" / f"{stamp_ns}{image_suffix}", rendering.image_rgb[..., ::-1])
        if "labels" in truth:
            _save(folder / "labels" / f"{stamp_ns}.png", rendering.label)
        if "depth" in truth:
            _save(folder / "depth" / f"{stamp_ns}.png", depth_to_mm(rendering.depth_m))
        if progress is not None:
            progress(index + 1, len(source))
    (folder / "trajectory.txt").write_text(_tum("T_map_base", source.recorded_poses), encoding="utf-8")
    write_odometry(source, folder)
    (folder / "camera.yaml").write_text(yaml.safe_dump(_description(source), sort_keys=False), encoding="utf-8")


def write_odometry(source: SimulatedSource, folder: Path) -> None:
    """Write what wheels and a gyroscope believe, ``odometry.txt`` as TUM, into a recording's folder."""
    believed = [(reading.stamp_ns, reading.T_odom_base) for reading in noisy_odometry(source.driven, source.seed)]
    (folder / ODOMETRY_NAME).write_text(_tum("T_odom_base", believed), encoding="utf-8")


def _tum(what: str, poses: Sequence[StampedPose]) -> str:
    lines = [f"# timestamp_s x y z qx qy qz qw ({what})"]
    for stamp_ns, pose in poses:
        numbers = (*pose.position_m, *(pose.quat_xyzw or ()))
        seconds = f"{stamp_ns // NS_PER_S}.{stamp_ns % NS_PER_S:09d}"
        lines.append(f"{seconds} {' '.join(f'{v:.9f}' for v in numbers)}")
    return "\n".join(lines) + "\n"


def depth_to_mm(depth_m: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Turn metres into 16-bit millimetres; 0 for the sky and for what is farther than 65.535 m."""
    millimetres = np.where(np.isfinite(depth_m), depth_m / DEPTH_UNIT_M, np.inf)
    return np.where(millimetres <= _FARTHEST_MM, np.round(np.minimum(millimetres, _FARTHEST_MM)), 0).astype(np.uint16)


def _description(source: SimulatedSource) -> dict[str, Any]:
    mount = source.T_base_camera
    return {
        "description": source.description,
        **source.camera.to_dict(),
        "T_base_camera": {"position_m": list(mount.position_m), "quat_xyzw": list(mount.quat_xyzw or ())},
    }


def _save(path: Path, pixels: npt.NDArray[Any]) -> None:
    encoded, content = cv2.imencode(path.suffix, np.ascontiguousarray(pixels))
    if not encoded:
        raise OSError(f"OpenCV could not encode {path.name}")
    # Not imwrite: libpng has its own words on stderr for a full disk, and a path that is no UTF-8 ends the process.
    path.write_bytes(content.tobytes())
