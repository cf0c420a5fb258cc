# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How it stands with a server, by name, and the error that an image gets instead of an answer."""

from __future__ import annotations

from enum import Enum
from typing import Final

from vpr_ros.core.command import program
from vpr_ros.core.errors import MapError


class RemoteState(Enum):
    """The names under which diagnostics and logs tell it; they do not change."""

    CONNECTING = "connecting"
    READY = "ready"
    GONE = "gone"
    SLOW = "slow"
    RESTARTED = "restarted"
    FULL = "full"
    REFUSED = "refused"
    NO_COLLECTION = "no_collection"
    ANOTHER_MAP = "another_map"
    INCOMPLETE = "incomplete"
    WRONG_ANSWER = "wrong_answer"


_LOAD: Final = f"`{program('build_map')} --reindex MAP --index milvus://HOST:PORT/COLLECTION`"
REMEDIES: Final = {
    RemoteState.CONNECTING: "Wait: the first connection is being made",
    RemoteState.READY: "Nothing is to be done",
    RemoteState.GONE: "Start the server, or see to the network and to TLS on both sides; the connection comes back by "
    "itself",
    RemoteState.SLOW: "See what else the server does, or raise search_time_ms",
    RemoteState.RESTARTED: "Wait until the server has loaded the collection; the connection comes back by itself",
    RemoteState.FULL: "Give the server more memory or disk, or remove collections that nobody uses",
    RemoteState.REFUSED: "Correct user and password or the token, see docs/milvus.md",
    RemoteState.NO_COLLECTION: f"Load the map with {_LOAD}",
    RemoteState.ANOTHER_MAP: "Use the map that is loaded there, or load this one into a collection of its own with "
    f"{_LOAD}",
    RemoteState.INCOMPLETE: f"Finish loading it with the same {_LOAD}",
    RemoteState.WRONG_ANSWER: "See the server's log; load the map into a new collection if it comes again",
}


class RemoteIndexError(MapError):
    """The server gave no answer that can be used.

    Args:
        state: how it stands with the server.
        problem: see ``VprError``.
    """

    def __init__(self, state: RemoteState, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy or REMEDIES[state])
        self.state = state
