# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A slanted, textured plane seen by a camera whose every number is known: what lies how far away is arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, ImageRgb
from vpr_ros.core.pose import Pose

WIDTH, HEIGHT = 160, 120
CAMERA = CameraIntrinsics(WIDTH, HEIGHT, 130.0, 132.0, 81.0, 58.5, distortion=(-0.08, 0.01, 0.001, 0.0))
MOUNT = Pose.from_rotation((0.2, 0.1, 0.5), Rotation.from_euler("ZYX", [-np.pi / 2, 0.0, -np.pi / 2]))
"""Looks ahead along the base's x axis."""
NORMAL, DISTANCE_M = np.array([0.9, 0.3, -0.1]), 4.0
"""Of the plane, in the map: NORMAL . x = DISTANCE_M."""
PX_PER_M = 24
TEXTURE_PX = 1024


def texture(seed: int = 0) -> npt.NDArray[np.float32]:
    """Blots of all sizes from 3 pixels on."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(
            rng.random((size, size, 3)).astype(np.float32), (TEXTURE_PX, TEXTURE_PX), interpolation=cv2.INTER_CUBIC
        )
        for size in (64, 160, 340)
    ]
    return np.asarray(np.clip(255 * (sum(layers) / 3.0 - 0.2) / 0.6, 0, 255), dtype=np.float32)


def depth_m(T_map_camera: Pose, pixels_px: npt.ArrayLike, camera: CameraIntrinsics = CAMERA) -> npt.NDArray[np.float64]:
    """(M, 2) pixels -> (M,) true depths along the optical axis."""
    rays = T_map_camera.rotation.apply(camera.unproject(pixels_px))
    return np.asarray((DISTANCE_M - NORMAL @ np.array(T_map_camera.position_m)) / (rays @ NORMAL))


def render(painted: npt.NDArray[np.float32], T_map_camera: Pose, camera: CameraIntrinsics = CAMERA) -> ImageRgb:
    """What the camera sees there: (120, 160, 3) uint8."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    rays = camera.unproject(pixels)
    seen_m = T_map_camera.rotation.apply(rays * depth_m(T_map_camera, pixels, camera)[:, None])
    seen_m += np.array(T_map_camera.position_m)
    at = (seen_m[:, 1:] * PX_PER_M + TEXTURE_PX / 2).astype(np.float32).reshape(HEIGHT, WIDTH, 2)
    image = cv2.remap(painted, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return image.astype(np.uint8)


@dataclass
class PlaneSource:
    """Frames of a robot that drives sideways along the plane and nods, its camera ahead.

    Attributes:
        along_m: where on the y axis.
        camera: mount and intrinsics as the recording gives them; the images are those of ``CAMERA`` on ``MOUNT``.
        has_orientation: whether the poses have one.
        drift_m: added to the poses' y from the tenth frame on.
    """

    along_m: Sequence[float] = field(default_factory=lambda: [0.1 * number for number in range(20)])
    camera: CameraMount = field(default_factory=lambda: CameraMount("camera", "optical", MOUNT, CAMERA))
    has_orientation: bool = True
    drift_m: float = 0.0
    map_frame_id: str = "map"
    datum: GeoDatum | None = None
    is_drive: bool = True
    description: str = "plane"

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        """The one camera."""
        return {self.camera.name: self.camera}

    def __len__(self) -> int:
        return len(self.along_m)

    def __iter__(self) -> Iterator[FrameRecord]:
        painted = texture()
        for number, along_m in enumerate(self.along_m):
            nods = Rotation.from_euler("ZYX", [0.05 * np.cos(number), 0.1 * np.sin(2 * number), 0.0])
            true = Pose.from_rotation((0.05 * np.sin(7.0 * along_m), along_m, 0.0), nods)

            def load(T_map_base: Pose = true) -> ImageRgb:
                return render(painted, T_map_base.compose(MOUNT))

            x, y, z = true.position_m
            shown = Pose((x, y + self.drift_m * (number >= 10), z), true.quat_xyzw if self.has_orientation else None)
            yield FrameRecord(number * 100_000_000, self.camera.name, f"{number:04d}", shown, load)
