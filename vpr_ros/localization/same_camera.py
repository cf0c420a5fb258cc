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
