# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The index of a map whose descriptors lie on a Milvus server."""

from __future__ import annotations

import copy
import time
import weakref
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.maps.descriptor_file import Descriptors
from vpr_ros.maps.frame_index import IndexKind
from vpr_ros.maps.frame_table import FrameTable
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.answer import Hits, WrongAnswerError, checked
from vpr_ros.maps.remote.client import Client
from vpr_ros.maps.remote.gate import Gate, gate
from vpr_ros.maps.remote.link import Link, LinkStatus
from vpr_ros.maps.remote.schema import DESCRIPTOR, FRAME, MAP, STATES_EXACTLY, MapIdentity, search_params
from vpr_ros.maps.remote.states import RemoteIndexError, RemoteState
from vpr_ros.maps.search import SearchResult

TIME_LIMIT_S: Final = 30.0
"""Of a command's search; a node sets its own, of an image."""
FIRST_CONNECTION_S: Final = 8.0
GATED_EFFORT: Final = 4
"""A filter hides much of what an index would find on its way."""
LARGEST_LIMIT: Final = 16384
"""The most that Milvus returns for a query."""
_ANSWER_BYTES: Final = 16 << 20


class MilvusIndex:
    """Searches on a server. Safe to use from several threads.

    It never waits longer than it may, and answers rightly or not at all: a ``RemoteIndexError`` says how it stands
    with the server, which a thread of its own goes on looking for.

    Attributes:
        kind: "remote".
        fault: None: how it stands with the server is its ``status``.
        address: which collection of which server.
        time_limit_s: how long a search may take.
    """

    kind: IndexKind = "remote"
    fault: MapError | None = None

    def __init__(self, address: Address, identity: MapIdentity, frames: FrameTable, index: str, effort: int) -> None:
        """Nothing is connected before the first search, or ``begin``.

        Args:
            address: where the descriptors lie.
            identity: of the map.
            frames: of the map.
            index: what Milvus calls the index of the collection, e.g. "HNSW".
            effort: its ``ef`` or ``nprobe``, which was measured when the map was loaded.
        """
        self.address = address
        self.time_limit_s = TIME_LIMIT_S
        self._identity, self._frames = identity, frames
        self._type, self._effort = index, effort
        self._link = Link(address, identity)
        weakref.finalize(self, self._link.stop)

    def with_effort(self, effort: int) -> MilvusIndex:
        """The same collection over the same connection, searched with another effort; as long as this one lives."""
        other = copy.copy(self)
        other._effort = effort
        return other

    def begin(self, time_limit_s: float) -> None:
        """Begin to connect; from now on a search may take so long."""
        self.time_limit_s = time_limit_s
        self._link.start()

    def settled(self, timeout_s: float = FIRST_CONNECTION_S) -> LinkStatus:
        """How it stands once the first try to connect has ended, well or badly; later calls do not wait."""
        return self._link.settled(timeout_s)

    def over(self, descriptors: Descriptors) -> MilvusIndex:
        """See ``FrameIndex``: the server has its own."""
        return self

    def state(self) -> dict[str, str]:
        """See ``FrameIndex``."""
        status = self.status
        return {
            "index": f"remote, {self._type} with {self._effort} on {self.address}",
            "index state": status.state.value,
            "index state age [s]": f"{time.monotonic() - status.since_s:.0f}",
            "index server": status.server or "not asked yet",
            "index connections": str(status.connections),
        }

    @property
    def status(self) -> LinkStatus:
        """How it stands with the server."""
        return self._link.status

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.int64] | None = None
    ) -> SearchResult:
        """Find the *k* frames most similar to each query.

        Args:
            queries: (B, D) float32, rows of unit length.
            k: how many.
            allowed: (M,) frames to search among, None for all.

        Raises:
            RemoteIndexError: no answer, one that came too late, or one that is wrong.
        """
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        chosen = gate(self._frames.position_m, allowed)
        wanted = min(k, chosen.count)
        if not wanted or not len(queries):
            return SearchResult(np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32))
        if self._link.status.connections == 0:
            self._link.start()
            self._link.settled(self.time_limit_s)
        client = self._link.client()
        together = max(1, _ANSWER_BYTES // (8 * wanted * self._identity.dim))
        found: list[Hits] = []
        for first in range(0, len(queries), together):
            found += self._search(client, queries[first : first + together], wanted, chosen)
        return _result(found, min(len(hits.frames) for hits in found))

    def _search(self, client: Client, queries: npt.NDArray[np.float32], wanted: int, chosen: Gate) -> list[Hits]:
        """A box may hold frames that were not allowed, which take places: then more are asked for."""
        until_s = time.monotonic() + self.time_limit_s
        spare = 1 if self._type == STATES_EXACTLY else 2
        limit = min(spare * wanted, chosen.count) if chosen.exact else 2 * spare * wanted
        effort = self._effort if chosen.rows is None else GATED_EFFORT * self._effort
        try:
            for more in (1, 4, 16):
                asked = min(more * limit, chosen.count if chosen.exact else LARGEST_LIMIT, LARGEST_LIMIT)
                hits = self._checked(client, queries, asked, more * effort, chosen, until_s)
                inside = [_inside(one, chosen) for one in hits]
                if all(len(one.frames) >= wanted for one in inside):
                    break
            found = min(len(one.frames) for one in inside)
            if found < wanted and chosen.rows is None:
                raise client.wrong(f"{found} frames came of the {wanted} that a search must find")
            return [Hits(one.frames[:wanted], one.similarities[:wanted]) for one in inside]
        except RemoteIndexError as error:
            self._link.failed(client, error)
            raise

    def _checked(
        self,
        client: Client,
        queries: npt.NDArray[np.float32],
        limit: int,
        effort: int,
        chosen: Gate,
        until_s: float,
    ) -> list[Hits]:
        left_s = max(until_s - time.monotonic(), 1e-3)
        parameters = search_params(self._type, effort, limit)
        answer = client.search(queries, limit, parameters, chosen.words, (FRAME, MAP, DESCRIPTOR), left_s)
        try:
            hits = checked(answer, queries, limit, self._identity)
        except WrongAnswerError as error:
            of_another = "another map" in str(error)
            raise RemoteIndexError(
                RemoteState.ANOTHER_MAP if of_another else RemoteState.WRONG_ANSWER,
                f"Milvus at {self.address} answers wrongly: {error}",
            ) from error
        if time.monotonic() > until_s:
            raise RemoteIndexError(
                RemoteState.SLOW, f"Milvus at {self.address}: a search took longer than {self.time_limit_s:.3g} s"
            )
        if chosen.exact and chosen.rows is not None and not all(np.isin(one.frames, chosen.rows).all() for one in hits):
            raise client.wrong("frames came that were not to be searched")
        return hits


def _inside(hits: Hits, chosen: Gate) -> Hits:
    if chosen.rows is None or chosen.exact:
        return hits
    keep = np.isin(hits.frames, chosen.rows)
    return Hits(hits.frames[keep], hits.similarities[keep])


def _result(found: list[Hits], width: int) -> SearchResult:
    return SearchResult(
        np.stack([hits.frames[:width] for hits in found]), np.stack([hits.similarities[:width] for hits in found])
    )
