"""Accept what a person changed in a map on purpose: its manifest, and which small pictures there are."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.maps.manifest import reseal_manifest
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.thumbnails import thumbnails_sha256


def reseal(path: Path) -> PlaceMap:
    """Seal the manifest of the map in *path* as it reads now, and the pictures as they are, and open the map.

    Everything else is checked as ever: what the manifest says must be possible, and fit the other files.

    Raises:
        MapError: the map does not open but for its seal, or the manifest cannot be written.
    """
    frames = len(PlaceMap.open(path, sealed=False))
    count, digest = thumbnails_sha256(path, frames)
    reseal_manifest(path, thumbnails=count, thumbnails_sha256=digest)
    return PlaceMap.open(path)
