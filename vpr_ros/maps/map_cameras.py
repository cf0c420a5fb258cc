# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where the camera of a map frame was, and how it saw."""

from __future__ import annotations

from collections.abc import Sequence

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import CameraMount
from vpr_ros.core.pose import Pose
from vpr_ros.maps.frame_table import FrameTable


class MapCameras:
    """The cameras of a map's frames.

    Args:
        frames: the map's.
        cameras: those its frames name.
    """

    def __init__(self, frames: FrameTable, cameras: Sequence[CameraMount]) -> None:
        self._frames = frames
        self._mounts = {camera.name: camera for camera in cameras}

    def T_map_camera(self, index: int) -> Pose | None:
        """Of the optical frame that took frame *index*; None where an orientation is unknown.

        Where the mount is unknown the map's poses are taken to be those of the camera, as recordings of a camera alone
        have them.
        """
        T_map_base = self._frames.pose(index)
        T_base_camera = self._mounts[self._frames.camera(index)].T_base_camera
        if not T_map_base.has_orientation or (T_base_camera is not None and not T_base_camera.has_orientation):
            return None
        return T_map_base if T_base_camera is None else T_map_base.compose(T_base_camera)

    def intrinsics(self, index: int, width_px: int, height_px: int) -> CameraIntrinsics | None:
        """How it saw, for an image of frame *index* of this size; None where unknown, or for another shape."""
        known = self._mounts[self._frames.camera(index)].intrinsics
        if known is None or (known.width_px, known.height_px) == (width_px, height_px):
            return known
        if width_px * known.height_px != height_px * known.width_px:
            return None
        try:
            return known.scaled(width_px, height_px)
        except ConfigError:  # no camera has such numbers, whatever the files of the map say
            return None
