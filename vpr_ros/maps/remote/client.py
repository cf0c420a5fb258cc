# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A connection to one server: what is asked of it, each with a time limit, each failure an error of the tree."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.credentials import Credentials
from vpr_ros.maps.remote.failures import remote_error
from vpr_ros.maps.remote.schema import DESCRIPTOR, FRAME
from vpr_ros.maps.remote.states import RemoteIndexError, RemoteState

_Value = TypeVar("_Value")
PACKAGE: Final = "pymilvus>=2.6,<2.7"
_LOOK_TIMEOUT_S: Final = 5.0


def import_pymilvus() -> Any:
    """The client library, told to leave reports to us: its own carry whole traces and repeat what was asked.

    Raises:
        ConfigError: it is not installed.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    try:
        return importlib.import_module("pymilvus")
    except ImportError as error:
        raise ConfigError(
            f"the map's descriptors lie on a Milvus server, and its client cannot be imported ({error})",
            f"`pip install '{PACKAGE}'`, or pip install 'vpr_ros[milvus]'",
        ) from error


class Client:
    """One connection. Safe to use from several threads.

    Attributes:
        address: which collection of which server.
        version: of the server.
    """

    def __init__(self, address: Address, credentials: Credentials, timeout_s: float) -> None:
        """Connect.

        Raises:
            ConfigError: pymilvus is not installed.
            RemoteIndexError: no server, or one that refuses; see its ``state``.
        """
        self.address = address
        self.library = import_pymilvus()
        secure: dict[str, Any] = {"secure": credentials.tls, "token": credentials.token}
        if credentials.ca:
            secure["server_pem_path"] = credentials.ca
        if credentials.server_name:
            secure["server_name"] = credentials.server_name
        self._client: Any = None
        self._is_closed = False
        try:
            self._asked("connecting", lambda: self._connect(secure, timeout_s), timeout_s + 1.0)
            self.version = str(self.ask("its version", "get_server_version", timeout_s))
        except BaseException:
            self.close()
            raise

    def _connect(self, secure: dict[str, Any], timeout_s: float) -> None:
        """May end after it was given up."""
        uri = f"http://{self.address.server}"
        self._client = self.library.MilvusClient(uri, timeout=timeout_s, dedicated=True, **secure)
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Let the connection go; whoever still asks is told that it failed."""
        self._is_closed = True
        with contextlib.suppress(Exception):
            self._client.close()

    def ask(self, doing: str, name: str, timeout_s: float = _LOOK_TIMEOUT_S, **arguments: Any) -> Any:
        """What the method *name* of ``MilvusClient`` answers in time.

        Raises:
            RemoteIndexError: it failed, or took longer than *timeout_s*.
        """
        method = getattr(self._client, name)
        return self._asked(doing, lambda: method(**arguments, timeout=timeout_s), timeout_s)

    def ask_collection(self, doing: str, name: str, timeout_s: float = _LOOK_TIMEOUT_S, **arguments: Any) -> Any:
        """``ask`` about this collection."""
        return self.ask(doing, name, timeout_s, collection_name=self.address.collection, **arguments)

    def search(
        self,
        queries: npt.NDArray[np.float32],
        limit: int,
        parameters: dict[str, Any],
        chosen: str,
        outputs: Sequence[str],
        timeout_s: float,
    ) -> Any:
        """What the server finds most similar to each of *queries* (B, D), which ``answer.checked`` is to look through.

        Raises:
            RemoteIndexError: it failed, or took longer than *timeout_s*.
        """
        return self.ask_collection(
            "a search",
            "search",
            timeout_s,
            data=list(queries),
            limit=limit,
            search_params=parameters,
            filter=chosen,
            output_fields=list(outputs),
            anns_field=DESCRIPTOR,
            consistency_level="Bounded",
            retry_on_rate_limit=False,  # which would pass for a slow server
        )

    def count(self, chosen: str = "", timeout_s: float = _LOOK_TIMEOUT_S) -> int:
        """How many rows there are now, with all that was ever written."""
        found = self.ask_collection(
            "counting", "query", timeout_s, filter=chosen, output_fields=["count(*)"], consistency_level="Strong"
        )
        try:
            return int(found[0]["count(*)"])
        except (LookupError, TypeError, ValueError) as error:
            raise self.wrong("it counts no rows") from error

    def frames_in(self, first: int, end: int, timeout_s: float = _LOOK_TIMEOUT_S) -> npt.NDArray[np.int64]:
        """(M,) the numbers of the frames from *first* to before *end* that are there."""
        found = self.ask_collection(
            "reading",
            "query",
            timeout_s,
            filter=f"{FRAME} >= {first} and {FRAME} < {end}",
            output_fields=[FRAME],
            consistency_level="Strong",
        )
        return np.array([row[FRAME] for row in found], dtype=np.int64)

    def wrong(self, found: str) -> RemoteIndexError:
        """The error for an answer that cannot be."""
        return RemoteIndexError(RemoteState.WRONG_ANSWER, f"Milvus at {self.address}: {found}")

    def _asked(self, doing: str, call: Callable[[], _Value], timeout_s: float) -> _Value:
        """What *call* returns, or an error when its time is up, whatever the library goes on doing."""
        server = str(self.address)
        outcome: list[_Value] = []
        failure: list[Exception] = []

        def work() -> None:
            try:
                outcome.append(call())
            except Exception as error:
                failure.append(error)

        started_s = time.monotonic()
        thread = threading.Thread(target=work, name="milvus", daemon=True)
        thread.start()
        thread.join(timeout_s)
        if thread.is_alive() or time.monotonic() - started_s > timeout_s:
            problem = f"Milvus at {server}: {doing} took longer than {timeout_s:.3g} s"
            raise RemoteIndexError(RemoteState.SLOW, problem)
        if failure:
            raise remote_error(server, doing, failure[0]) from failure[0]
        return outcome[0]
