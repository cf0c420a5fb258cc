# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Load a map into a collection of a Milvus server: again and again with the same result."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.remote.rows import blocks, check_all, write_block, write_missing
from vpr_ros.mapping.usable_frames import Progress
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.client import Client
from vpr_ros.maps.remote.credentials import credentials_for
from vpr_ros.maps.remote.link import check_identity
from vpr_ros.maps.remote.schema import (
    DESCRIPTOR,
    METRIC,
    IndexChoice,
    MapIdentity,
    choose_index,
    collection_schema,
    index_of,
)
from vpr_ros.maps.remote.states import RemoteIndexError, RemoteState

_CONNECT_TIMEOUT_S: Final = 10.0
_CHANGE_TIMEOUT_S: Final = 60.0
_MEMORY_TIMEOUT_S: Final = 3600.0
_LOOK_AGAIN_S: Final = 0.2


@dataclass(frozen=True)
class Loaded:
    """What a load came to.

    Attributes:
        written: frames that were put there; those of the map that were there already are not among them.
        index: the index of the collection.
        server: what the server calls its version.
    """

    written: int
    index: IndexChoice
    server: str


def load_map(place_map: PlaceMap, address: Address, progress: Progress | None = None, kind: str = "") -> Loaded:
    """Put the frames of *place_map* into the collection at *address*, which is made where it is not there.

    One that was interrupted goes on: what is there is kept, what is missing is put there, and at the end each frame is
    there once. A collection of another map is left alone.

    Args:
        place_map: with its descriptors.
        address: which collection of which server.
        progress: told of the frames.
        kind: of the index, as Milvus calls it; "": as the server and the size of the map suggest.

    Raises:
        ConfigError: pymilvus is not installed, or the credentials cannot be read.
        MapError: the collection holds another map, or the server is gone, full or slow; see its ``state``.
    """
    identity = MapIdentity.of(place_map.manifest)
    client = Client(address, credentials_for(address.server), _CONNECT_TIMEOUT_S)
    try:
        size = identity.frames, identity.dim
        choice = index_of(kind, *size) if kind else choose_index(client.version, *size)
        was_there = bool(client.ask_collection("asking for the collection", "has_collection"))
        if was_there:
            _check_same(client, identity)
        else:
            schema = collection_schema(client.library, identity)
            client.ask_collection("making the collection", "create_collection", _CHANGE_TIMEOUT_S, schema=schema)
        _create_index(client, choice)
        written = 0 if was_there else _write_all(client, place_map, identity, progress)
        client.ask_collection("writing to its disk", "flush", _MEMORY_TIMEOUT_S)
        _into_memory(client)
        missing = write_missing(client, place_map, identity, progress if was_there else None)
        if missing:
            client.ask_collection("writing to its disk", "flush", _MEMORY_TIMEOUT_S)
            _wait_for_index(client)
        check_all(client, identity, missing)
        return Loaded(written + sum(end - first for first, end in missing), choice, client.version)
    finally:
        client.close()


def _write_all(client: Client, place_map: PlaceMap, identity: MapIdentity, progress: Progress | None) -> int:
    for first, end in blocks(identity.frames):
        write_block(client, place_map, identity, first, end)
        if progress is not None:
            progress(end, identity.frames)
    return identity.frames


def _check_same(client: Client, identity: MapIdentity) -> None:
    try:
        check_identity(client, identity)
    except RemoteIndexError as error:
        if error.state is not RemoteState.ANOTHER_MAP:
            raise
        raise MapError(
            error.problem,
            "Name a collection that is not there yet: robots may be using this one, so it is not removed. Who is sure "
            "that none does removes it with pymilvus: MilvusClient(...).drop_collection(NAME)",
        ) from error


def _create_index(client: Client, choice: IndexChoice) -> None:
    if client.ask_collection("asking for the index", "list_indexes"):
        return
    parameters = client.library.MilvusClient.prepare_index_params()
    parameters.add_index(
        DESCRIPTOR, index_name=DESCRIPTOR, index_type=choice.type, metric_type=METRIC, params=choice.build
    )
    client.ask_collection("making the index", "create_index", _CHANGE_TIMEOUT_S, index_params=parameters, sync=False)


def _into_memory(client: Client) -> None:
    """Everything a search needs, into the server's memory."""
    _wait_for_index(client)
    client.ask_collection("loading the collection into the server's memory", "load_collection", _MEMORY_TIMEOUT_S)


def _wait_for_index(client: Client) -> None:
    until_s = time.monotonic() + _MEMORY_TIMEOUT_S
    while time.monotonic() < until_s:
        described = client.ask_collection("asking for the index", "describe_index", index_name=DESCRIPTOR)
        if not int(described.get("pending_index_rows", 0)):
            return
        time.sleep(_LOOK_AGAIN_S)
    raise RemoteIndexError(RemoteState.SLOW, f"Milvus at {client.address}: the index is not built after an hour")
