# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is done to a finished map in its place: the manifest alone is written anew, in one step, or stays as it was."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.core.disk import held
from vpr_ros.core.errors import MapError
from vpr_ros.mapping.journal import has_build
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.maps.grid_alignment import GridAlignment
from vpr_ros.maps.manifest import read_manifest, rewrite_manifest
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.thumbnails import thumbnails_sha256


def reseal(path: Path) -> PlaceMap:
    """Accept what a person changed on purpose in the map in *path*: its manifest, and which small pictures there are.

    Everything else is checked as ever: what the manifest says must be possible, and fit the other files.

    Raises:
        MapError: the map does not open but for its seal, or the manifest cannot be written.
    """
    with held(path):
        frames = len(PlaceMap.open(path, sealed=False))
        count, digest = thumbnails_sha256(path, frames)
        rewrite_manifest(path, sealed=False, thumbnails=count, thumbnails_sha256=digest)
    return PlaceMap.open(path)


def upgrade(path: Path) -> PlaceMap:
    """Bring the map in *path* to the current format and open it; one that has it stays as it is.

    A seal it has must hold, and a hash of its pictures stays: a change that nobody accepted goes on to show.

    Raises:
        MapError: the map does not open, a build of it is going on or was interrupted, or the manifest cannot be
            written.
    """
    with held(path):
        place_map = PlaceMap.open(path)
        manifest = place_map.manifest
        if manifest.format_version == FORMAT_VERSION:
            return place_map
        check_no_build(path, "there is nothing to upgrade")
        count, digest = manifest.thumbnails, manifest.thumbnails_sha256
        if not digest:
            count, digest = thumbnails_sha256(path, len(place_map))
        rewrite_manifest(path, sealed=True, thumbnails=count, thumbnails_sha256=digest)
    return PlaceMap.open(path)


def align(path: Path, grid: GridAlignment | None) -> PlaceMap:
    """Say in the manifest of the map in *path* where it lies in a grid, or with None that nobody knows; and open it.

    Raises:
        MapError: see ``upgrade``.
    """
    place_map = upgrade(path)
    entry = None if grid is None else grid.to_dict()
    with held(path):
        check_no_build(path, "align the map")
        rewrite_manifest(place_map.path, sealed=True, T_grid_map=entry)
    return PlaceMap.open(path)


def check_no_build(path: Path, then: str) -> None:
    """A build that is interrupted could not be resumed, for it would find another map than it was begun with.

    Args:
        path: of the map.
        then: what is to be done once it has ended.

    Raises:
        MapError: one is going on, or was interrupted.
    """
    for output in (path, path.resolve()):
        if has_build(partial := partial_path(output)):
            raise MapError(
                f"a build of {output} is going on, or was interrupted and stands in {partial}",
                f"Let it end, or finish it: the same command with --resume, and then {then}",
            )


def check_not_replaced(place_map: PlaceMap) -> None:
    """Refuse to write of a map what was found out about another; to be asked with the folder ``held``.

    Raises:
        MapError: a build gave its place to another one since it was opened, or nothing can be read there.
    """
    if read_manifest(place_map.path).files != place_map.manifest.files:
        raise MapError(
            f"the map {place_map.path} was replaced while its index was made, and has the index of that build",
            "Run the same command again if it is to have another one",
        )
