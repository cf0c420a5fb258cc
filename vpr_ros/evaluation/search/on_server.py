# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The same map on a Milvus server, for as long as it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.remote.index_map import index_remotely
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.client import Client
from vpr_ros.maps.remote.credentials import credentials_for
from vpr_ros.maps.remote.schema import INDEX_TYPES, has_rabitq

TIMEOUT_S: Final = 60.0


def remote_kinds(uri: str) -> tuple[str, ...]:
    """The indexes that the server at *uri* has.

    Raises:
        ConfigError: no such address, or no pymilvus.
        MapError: the server does not answer.
    """
    client = _client(uri)
    try:
        knows_rabitq = has_rabitq(client.version)
    finally:
        client.close()
    return tuple(kind for kind in INDEX_TYPES if knows_rabitq or kind != "IVF_RABITQ")


@contextmanager
def loaded(path: Path, uri: str, kind: str) -> Iterator[IndexEntry]:
    """The map in *path* is asked of a new collection at *uri*, with an index of *kind*; which is then removed.

    Raises:
        ConfigError: no such address, or no pymilvus.
        MapError: the collection is there already; or see ``index_remotely``.
    """
    client = _client(uri)
    try:
        if client.ask_collection("asking for the collection", "has_collection"):
            raise MapError(f"the collection {uri} is there already", "Give another name by --uri, or drop it")
        try:
            yield index_remotely(PlaceMap.open(path), uri, kind=kind).entry
        finally:
            client.ask_collection("removing the collection", "drop_collection", TIMEOUT_S)
    finally:
        client.close()


def _client(uri: str) -> Client:
    address = Address.parse(uri)
    return Client(address, credentials_for(address.server), TIMEOUT_S)
