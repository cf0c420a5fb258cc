# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the map knows of a camera that nobody else describes."""

from __future__ import annotations

from collections.abc import Collection

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.maps.place_map import PlaceMap


def mapped_intrinsics(place_map: PlaceMap, names: Collection[str], size_px: tuple[int, int]) -> CameraIntrinsics | None:
    """The intrinsics of the map's camera with one of these *names*, if its images have this width and height."""
    for name in names:
        mount = place_map.mount(name)
        found = None if mount is None else mount.intrinsics
        if found is not None and (found.width_px, found.height_px) == size_px:
            return found
    return None
