# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What pymilvus and the server raise, as a state and a sentence."""

from __future__ import annotations

import re
from typing import Any, Final

from vpr_ros.maps.remote.states import RemoteIndexError, RemoteState

_OF_CODE: Final = {
    **dict.fromkeys((3, 4, 8, 9, 11), RemoteState.FULL),
    **dict.fromkeys((1, 2, 101, 103, 104), RemoteState.RESTARTED),
    100: RemoteState.NO_COLLECTION,
    **dict.fromkeys((1400, 1401), RemoteState.REFUSED),
}
"""The server's own codes (its pkg/merr): 3, 4, 8, 9, 11 limits of memory, requests, rate, quota and disk; 101, 103 a
collection that is not, or not fully, loaded. From 400 to 999 a node, channel or segment of it is not there yet."""
_OF_RPC: Final = {
    "UNAVAILABLE": RemoteState.GONE,
    "CANCELLED": RemoteState.GONE,
    "DEADLINE_EXCEEDED": RemoteState.SLOW,
    "RESOURCE_EXHAUSTED": RemoteState.FULL,
    "UNAUTHENTICATED": RemoteState.REFUSED,
    "PERMISSION_DENIED": RemoteState.REFUSED,
}
_WORDS: Final = {
    RemoteState.REFUSED: "auth check failure|unauthenticated|PrivilegeNotPermitted|permission deny",
    RemoteState.FULL: "memory limit|out of memory|insufficient|disk quota|exhausted|quota exceeded",
    RemoteState.GONE: "fail connecting|connection refused",
    RemoteState.SLOW: "deadline|timeout",
    RemoteState.NO_COLLECTION: "can't find collection|collection not found",
    RemoteState.RESTARTED: "not (fully )?loaded|not ready|not healthy|not available|channel|shard",
}
_OF_WORDS: Final = tuple((re.compile(words, re.I), state) for state, words in _WORDS.items())


def remote_error(server: str, doing: str, error: Exception) -> RemoteIndexError:
    """The error of the tree for *error*, raised while *doing* with *server*."""
    if isinstance(error, RemoteIndexError):
        return error
    state = _state(error)
    return RemoteIndexError(state, f"Milvus at {server}: {doing} failed, {state.value} ({_short(error)})")


def _state(error: Exception) -> RemoteState:
    rpc = _rpc_name(error)
    if rpc in _OF_RPC:
        return _OF_RPC[rpc]
    text = _text(error)
    for pattern, state in _OF_WORDS[:3]:  # the client library has codes of its own, which are others of the server
        if pattern.search(text):
            return state
    code = getattr(error, "code", None)
    if isinstance(code, int):
        if code in _OF_CODE and code != 1:
            return _OF_CODE[code]
        if 400 <= code <= 999:
            return RemoteState.RESTARTED
    return next((state for pattern, state in _OF_WORDS if pattern.search(text)), RemoteState.WRONG_ANSWER)


def _rpc_name(error: Any) -> str:
    """The name of the status of gRPC, which pymilvus raises as it is or hands on as a code."""
    for cause in (error, error.__cause__):
        code = getattr(cause, "code", None)
        code = code() if callable(code) else code
        name = getattr(code, "name", None)
        if name in _OF_RPC:
            return str(name)
    return ""


def _text(error: Exception) -> str:
    details = getattr(error, "details", None)
    return f"{details() if callable(details) else ''} {getattr(error, 'message', '') or error}"


def _short(error: Exception) -> str:
    return " ".join(_text(error).split())[:200] or type(error).__name__
