# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map gets its descriptors onto a server, and its manifest says where they are."""

from __future__ import annotations

from dataclasses import dataclass

from vpr_ros.core.disk import held
from vpr_ros.mapping.remote.effort import sufficient_effort
from vpr_ros.mapping.remote.load import load_map
from vpr_ros.mapping.upkeep import check_not_replaced
from vpr_ros.mapping.usable_frames import Progress
from vpr_ros.maps.index_entry import DEFAULT_RECALL, IndexEntry
from vpr_ros.maps.manifest import rewrite_manifest
from vpr_ros.maps.place_map import DESCRIPTORS_NAME, PlaceMap
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.index import MilvusIndex
from vpr_ros.maps.remote.schema import MapIdentity


@dataclass(frozen=True)
class RemoteReport:
    """What became of it.

    Attributes:
        entry: what the manifest says now.
        frames: of the map.
        written: those that were not on the server yet.
        server: what it calls its version.
    """

    entry: IndexEntry
    frames: int
    written: int
    server: str


def index_remotely(
    place_map: PlaceMap,
    uri: str,
    wanted_recall: float = DEFAULT_RECALL,
    progress: Progress | None = None,
    kind: str = "",
) -> RemoteReport:
    """Load *place_map* into ``milvus://HOST:PORT/COLLECTION``, measure how well it is found, and note both.

    A load that was interrupted goes on, and one of a loaded map changes nothing. The map stays as it is until the
    server has all of it. For *kind* see ``load_map``.

    Raises:
        ConfigError: *uri* is no such address, pymilvus is missing, or the credentials cannot be read.
        MapError: a map without its descriptors, or one that was replaced meanwhile; a collection of another map; a
            server that does not answer.
    """
    address = Address.parse(uri)
    _ = place_map.descriptors  # refused before the server is asked
    loaded = load_map(place_map, address, progress, kind)
    identity = MapIdentity.of(place_map.manifest)
    index = MilvusIndex(address, identity, place_map.frames, loaded.index.type, loaded.index.efforts[0])
    wanted = IndexEntry(
        kind="remote",
        asked=str(address),
        method=loaded.index.type,
        wanted_recall=wanted_recall,
        descriptors_sha256=place_map.manifest.files[DESCRIPTORS_NAME].sha256,
        uri=str(address),
    )
    entry = sufficient_effort(index, place_map, loaded.index, wanted)
    with held(place_map.path):
        check_not_replaced(place_map)
        rewrite_manifest(place_map.path, sealed=True, index=entry.to_dict())
    return RemoteReport(entry, len(place_map), loaded.written, loaded.server)
