# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``milvus://HOST:PORT/COLLECTION``: where the descriptors of a map lie. It never holds a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from vpr_ros.core.errors import ConfigError

SCHEME = "milvus://"
DEFAULT_PORT = 19530
_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")


@dataclass(frozen=True)
class Address:
    """One collection of one server."""

    host: str
    port: int
    collection: str

    @classmethod
    def parse(cls, uri: str) -> Address:
        """Read ``milvus://HOST:PORT/COLLECTION``.

        Raises:
            ConfigError: it is something else, or holds a password. What stood there is not repeated then.
        """
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError:
            parts, port = SplitResult("", "", "", "", ""), None
        if "@" in uri or parts.query or parts.fragment:
            raise _secret_in(parts)
        host, collection = parts.hostname or "", parts.path.removeprefix("/")
        if not uri.startswith(SCHEME) or not _HOST.fullmatch(host) or not _COLLECTION.fullmatch(collection):
            raise ConfigError(
                f"the index is {uri[:200]!r}, expected milvus://HOST:PORT/COLLECTION",
                "Name the server, its port (19530 where it has its own) and a collection of letters, digits and _",
            )
        return cls(host, port or DEFAULT_PORT, collection)

    @property
    def server(self) -> str:
        """``HOST:PORT``, as credentials name it and as the client is given it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{SCHEME}{self.server}/{self.collection}"


def is_remote(index: str) -> bool:
    """Whether *index* asks for a server, well or badly."""
    return "://" in index


def _secret_in(parts: SplitResult) -> ConfigError:
    found = "a user name or password" if "@" in parts.netloc else "more than a server and a collection"
    return ConfigError(
        f"the address of the index holds {found}, which would be written into the map for everybody to read",
        "Give milvus://HOST:PORT/COLLECTION alone, and user and password in the environment (VPR_MILVUS_SERVER, "
        "VPR_MILVUS_USER, VPR_MILVUS_PASSWORD) or in a file that only you may read, see docs/milvus.md",
    )
