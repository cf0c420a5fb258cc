# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the map knows of a camera that nobody else describes, or that others describe worse."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.maps.place_map import PlaceMap

_SAME_PX, _SAME_COEFFICIENT = 1e-2, 1e-5
"""What rounding, in a file or by scaling, makes of one calibration."""


def mapped_intrinsics(place_map: PlaceMap, names: Collection[str], size_px: tuple[int, int]) -> CameraIntrinsics | None:
    """The intrinsics of the map's camera with one of these *names*, if its images have this width and height.

    A map's only camera of another name lends its extrinsics, which are assumed where nobody knows any; intrinsics of
    another camera would make a pose that is wrong, not one that is coarse.
    """
    for name in names:
        mount = place_map.mount(name)
        found = None if mount is None else mount.intrinsics
        if found is not None and (found.width_px, found.height_px) == size_px:
            return found
    return None


def refined_intrinsics(place_map: PlaceMap, names: Collection[str], told: CameraIntrinsics) -> CameraIntrinsics | None:
    """What the map's build fitted in place of *told*, for images of its size; None where it fitted nothing of the kind.

    A camera that is told of as the map's was when it was built is taken to be that camera: one of these *names* before
    others, and of the others the only one.
    """
    given = {} if place_map.local is None else place_map.local.entry.given_intrinsics
    alike = [name for name, before in given.items() if _are_one(before, told)]
    mount = next((place_map.mount(name) for name in names if name in alike), None)
    if mount is None and len(alike) == 1:
        mount = place_map.mount(alike[0])
    if mount is None or mount.intrinsics is None:
        return None
    return mount.intrinsics.scaled(told.width_px, told.height_px)


def _are_one(before: CameraIntrinsics, told: CameraIntrinsics) -> bool:
    """Whether both say the same of one camera, perhaps of images of two sizes."""
    if before.width_px * told.height_px != before.height_px * told.width_px:
        return False
    if before.has_distortion != told.has_distortion or (before.has_distortion and before.lens != told.lens):
        return False
    before = before.scaled(told.width_px, told.height_px)
    count = max(len(before.distortion), len(told.distortion))
    one, other = (np.pad(some.distortion, (0, count - len(some.distortion))) for some in (before, told))
    apart_px = np.abs(before.matrix - told.matrix).max()
    return bool(apart_px <= _SAME_PX and np.abs(one - other).max(initial=0.0) <= _SAME_COEFFICIENT)
