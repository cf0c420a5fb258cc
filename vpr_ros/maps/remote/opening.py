# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The index of a map whose manifest names a server."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.maps.frame_table import FrameTable
from vpr_ros.maps.index_entry import IndexEntry, reindex_remedy
from vpr_ros.maps.manifest import MANIFEST_NAME, MapManifest
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.index import MilvusIndex
from vpr_ros.maps.remote.schema import INDEX_TYPES, MapIdentity


def open_remote(path: Path, manifest: MapManifest, frames: FrameTable) -> MilvusIndex:
    """The index at the address that the manifest of the map in *path* names. Nothing is connected yet.

    Raises:
        MapError: the entry names no such address, or an index that is not known.
    """
    entry = manifest.index or IndexEntry("remote")
    try:
        address = Address.parse(entry.uri)
    except ConfigError as error:
        raise MapError(f"{path / MANIFEST_NAME}: {error.problem}", error.remedy) from error
    if entry.method not in INDEX_TYPES or entry.nprobe < 1:
        raise MapError(
            f"{path / MANIFEST_NAME}: the index on the server is {entry.method[:40]!r} with nprobe {entry.nprobe}, "
            f"expected one of {', '.join(INDEX_TYPES)} and at least 1",
            reindex_remedy(path),
        )
    return MilvusIndex(address, MapIdentity.of(manifest), frames, entry.method, entry.nprobe)
