# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The connection that a node keeps: made and made again in a thread of its own, so that no image waits for it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from vpr_ros.core.errors import VprError
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.client import Client
from vpr_ros.maps.remote.credentials import credentials_for
from vpr_ros.maps.remote.schema import MapIdentity, described_dim
from vpr_ros.maps.remote.states import REMEDIES, RemoteIndexError, RemoteState

CONNECT_TIMEOUT_S: Final = 3.0
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 2.0
"""Between two tries. A server that is back is found again within this and the time that connecting takes."""
HEARTBEAT_S: Final = 2.0
_LOAD_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class LinkStatus:
    """How it stands.

    Attributes:
        state: its name.
        problem, remedy: what is wrong and what to do, "" while nothing is.
        since_s: ``time.monotonic`` of the last change.
        connections: how often a connection was made.
        server: what the server calls its version, "" before it was asked.
    """

    state: RemoteState = RemoteState.CONNECTING
    problem: str = ""
    remedy: str = ""
    since_s: float = 0.0
    connections: int = 0
    server: str = ""


class Link:
    """Keeps a checked connection to the collection of one map, as long as it is not stopped."""

    def __init__(self, address: Address, identity: MapIdentity) -> None:
        """Does nothing yet; see ``start``."""
        self._address, self._identity = address, identity
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._client: Client | None = None
        self._status = LinkStatus(since_s=time.monotonic())
        self._thread: threading.Thread | None = None
        self._stopped = False

    @property
    def status(self) -> LinkStatus:
        """How it stands now."""
        return self._status

    def start(self) -> None:
        """Begin to connect, where that has not begun."""
        with self._changed:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._keep, name="milvus-link", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread and the connection."""
        with self._changed:
            self._stopped = True
            client, self._client = self._client, None
        self._wake.set()
        if client is not None:
            client.close()

    def settled(self, timeout_s: float) -> LinkStatus:
        """How it stands once the first try has ended, or after *timeout_s*."""
        with self._changed:
            self._changed.wait_for(lambda: self._status.state is not RemoteState.CONNECTING, timeout_s)
            return self._status

    def client(self) -> Client:
        """The checked connection.

        Raises:
            RemoteIndexError: there is none now.
        """
        with self._changed:
            if self._client is not None:
                return self._client
            status = self._status
        problem = status.problem or f"Milvus at {self._address}: the connection is not made yet"
        raise RemoteIndexError(status.state, problem, status.remedy)

    def failed(self, client: Client, error: RemoteIndexError) -> None:
        """*client* gave no answer that can be used: it is given up, and another connection made and checked."""
        with self._changed:
            if self._client is not client:
                return
            self._client = None
            self._tell(error)
        client.close()
        self._wake.set()

    def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopped:
            self._wake.clear()
            client = self._client
            if client is None:
                pause_s = FIRST_PAUSE_S if self._connect() else min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self._look_after(client)
            self._wake.wait(HEARTBEAT_S if self._client is not None else pause_s)

    def _connect(self) -> bool:
        client: Client | None = None
        try:
            credentials = credentials_for(self._address.server)
            client = Client(self._address, credentials, CONNECT_TIMEOUT_S)
            check_complete(client, self._identity)
        except VprError as error:
            if client is not None:
                client.close()
            with self._changed:
                self._tell(error)
            return False
        with self._changed:
            if not self._stopped:
                self._client = client
                made = self._status.connections + 1
                self._status = LinkStatus(RemoteState.READY, "", "", time.monotonic(), made, client.version)
                self._changed.notify_all()
        if self._stopped:
            client.close()
        return True

    def _look_after(self, client: Client) -> None:
        """A collection can be exchanged or let go while nobody asks."""
        try:
            check_identity(client, self._identity)
        except RemoteIndexError as error:
            self.failed(client, error)

    def _tell(self, error: VprError) -> None:
        state = error.state if isinstance(error, RemoteIndexError) else RemoteState.REFUSED
        since_s = self._status.since_s if self._status.state is state else time.monotonic()
        remedy = error.remedy or REMEDIES[state]
        before = self._status
        self._status = LinkStatus(state, error.problem, remedy, since_s, before.connections, before.server)
        self._changed.notify_all()


def check_identity(client: Client, identity: MapIdentity) -> None:
    """Refuse a collection that is not the one of the map.

    Raises:
        RemoteIndexError: there is none, or it holds another map.
    """
    described = client.ask_collection("describing the collection", "describe_collection")
    difference = identity.difference(str(described.get("description", "")))
    if not difference and (dim := described_dim(described)) != identity.dim:
        difference = f"its descriptors have {dim} numbers, not {identity.dim}"
    if difference:
        problem = f"Milvus at {client.address}: the collection is not this map's, {difference}"
        raise RemoteIndexError(RemoteState.ANOTHER_MAP, problem)


def check_complete(client: Client, identity: MapIdentity) -> None:
    """See to it that the collection is the map's, serves, and has all its frames.

    Raises:
        RemoteIndexError: see its ``state``.
    """
    check_identity(client, identity)
    loaded = client.ask_collection("asking for its state", "get_load_state")
    if "NotLoad" in str(loaded.get("state")):
        client.ask_collection("loading the collection into the server's memory", "load_collection", _LOAD_TIMEOUT_S)
    found = client.count()
    if found != identity.frames:
        problem = f"Milvus at {client.address}: the collection has {found} rows, the map {identity.frames} frames"
        raise RemoteIndexError(RemoteState.INCOMPLETE, problem)
