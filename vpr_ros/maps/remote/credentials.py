# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Who may ask a server, and whether the way there is encrypted: from the environment or a file, never from a map.

A map may come from anybody and names a server. A password is therefore kept with the server it is for, and goes to no
other one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.files import read_yaml

FILE_VARIABLE: Final = "VPR_MILVUS_CREDENTIALS"
DEFAULT_FILE: Final = "~/.config/vpr_ros/milvus.yaml"
_VARIABLES: Final = {
    "server": "VPR_MILVUS_SERVER",
    "user": "VPR_MILVUS_USER",
    "password": "VPR_MILVUS_PASSWORD",
    "token": "VPR_MILVUS_TOKEN",
    "tls": "VPR_MILVUS_TLS",
    "ca": "VPR_MILVUS_CA",
    "server_name": "VPR_MILVUS_SERVER_NAME",
}
_KEYS: Final = frozenset(_VARIABLES) - {"server"}
LARGEST_FILE_BYTES: Final = 1 << 16


@dataclass(frozen=True)
class Credentials:
    """What a server is told, and how. Its text shows no secret.

    Attributes:
        token: "USER:PASSWORD" or a token; "" where the server asks for none.
        tls: whether the way is encrypted and the server proves who it is.
        ca: file of the certificates (PEM) that vouch for the server; "" where the system's do.
        server_name: the name in its certificate, where it is reached by another one.
    """

    token: str = field(default="", repr=False)
    tls: bool = False
    ca: str = ""
    server_name: str = ""

    @property
    def words(self) -> str:
        """For a log: what is used, not what it is."""
        return f"{'with' if self.token else 'without'} credentials, {'TLS' if self.tls else 'not encrypted'}"


def credentials_for(server: str, environment: Mapping[str, str] | None = None) -> Credentials:
    """What the environment or the file of credentials holds for *server*, ``HOST:PORT``.

    The environment goes before the file where it is for this server. Nothing at all is fine: most servers in a robot's
    own network ask for nothing.

    Raises:
        ConfigError: secrets without a server, a file that others may read, or one that says something else.
    """
    environment = os.environ if environment is None else environment
    given = {key: environment[name] for key, name in _VARIABLES.items() if environment.get(name)}
    if given and "server" not in given:
        raise ConfigError(
            f"{', '.join(_VARIABLES[key] for key in given)} is set, but not for which server it is",
            f"Set {_VARIABLES['server']} too, here to {server}",
        )
    if given.pop("server", None) == server:
        return _credentials("the environment", given)
    named = environment.get(FILE_VARIABLE)
    path = Path(named or DEFAULT_FILE).expanduser()
    if not named and not path.exists():
        return Credentials()
    return _from_file(path, server)


def _from_file(path: Path, server: str) -> Credentials:
    _check_private(path)
    try:
        plain = read_yaml(path, limit_bytes=LARGEST_FILE_BYTES)
    except ConfigError:
        raise _unreadable(path) from None  # whose words may quote a line of the file
    if not isinstance(plain, dict) or not all(isinstance(entry, dict) for entry in plain.values()):
        raise _unreadable(path)
    entry = plain.get(server, {})
    if not entry.keys() <= _KEYS or not all(isinstance(value, str | bool) for value in entry.values()):
        raise _unreadable(path)
    return _credentials(str(path), entry)


def _check_private(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigError(
            f"{path}, the file of Milvus credentials, cannot be read ({error.strerror})",
            f"Correct {FILE_VARIABLE}, or unset it where the server asks for nothing",
        ) from error
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or status.st_uid not in (os.geteuid(), 0):
        raise ConfigError(
            f"{path}, the file of Milvus credentials, may be read or written by others than you",
            f"`chmod 600 {path}`, and change the password where others may have seen it",
        )


def _credentials(origin: str, entry: Mapping[str, Any]) -> Credentials:
    user, password = str(entry.get("user", "")), str(entry.get("password", ""))
    token = str(entry.get("token", ""))
    if bool(user) != bool(password) or (user and token):
        raise ConfigError(
            f"{origin} holds {'user and token' if user and token else 'one of user and password'} for the server",
            "Give user and password, or a token",
        )
    ca = str(Path(str(entry["ca"])).expanduser()) if entry.get("ca") else ""
    if ca and not Path(ca).is_file():
        raise ConfigError(f"{origin} names {ca} as the server's certificates, and there is no such file", "Correct it")
    tls = str(entry.get("tls", bool(ca))).lower() in ("1", "true", "yes", "on")
    if ca and not tls:
        raise ConfigError(f"{origin} names certificates and switches TLS off", "Leave one of the two out")
    return Credentials(token or (f"{user}:{password}" if user else ""), tls, ca, str(entry.get("server_name", "")))


def _unreadable(path: Path) -> ConfigError:
    """Without what stands there, which may be a secret."""
    return ConfigError(
        f"{path}, the file of Milvus credentials, holds something else than servers and their credentials",
        f"Write for each server, as in docs/milvus.md: HOST:PORT, and under it some of {', '.join(sorted(_KEYS))}",
    )
