# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where a map's descriptors lie, and who may ask: no secret in the first, none of the second for another server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.credentials import Credentials, credentials_for

SERVER = "db.lan:19530"
SECRET = "hunter2"


def test_an_address_is_read_and_written_alike() -> None:
    assert Address.parse("milvus://db.lan:1234/city_map") == Address("db.lan", 1234, "city_map")
    assert str(Address.parse("milvus://db.lan/city_map")) == "milvus://db.lan:19530/city_map"
    assert Address.parse("milvus://[::1]:1/m").server == "[::1]:1"


@pytest.mark.parametrize(
    "uri",
    ["", "milvus://", "milvus://host", "milvus://host:19530/", "milvus://host:x/m", "milvus://host:99999/m", "http://h/m",
     "milvus://h:1/1map", "milvus://h:1/a/b", "milvus://h:1/a%20b", "milvus://-h:1/a", "milvus:/h:1/a", "milvus://[x/a"],
)  # fmt: skip
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="expected milvus://HOST:PORT/COLLECTION"):
        Address.parse(uri)


@pytest.mark.parametrize(
    "uri",
    [
        f"milvus://root:{SECRET}@h:1/m",
        f"milvus://{SECRET}@h/m",
        f"milvus://h:1/m?token={SECRET}",
        f"milvus://h/m#{SECRET}",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(ConfigError, match="VPR_MILVUS_PASSWORD") as raised:
        Address.parse(uri)
    assert SECRET not in str(raised.value)


def file_of(tmp_path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    path = tmp_path / "milvus.yaml"
    path.write_text(text)
    path.chmod(mode)
    return {"VPR_MILVUS_CREDENTIALS": str(path)}


def test_credentials_come_from_the_environment_or_the_file_for_their_server_alone(tmp_path: Path) -> None:
    named = {
        "VPR_MILVUS_SERVER": SERVER,
        "VPR_MILVUS_USER": "robot",
        "VPR_MILVUS_PASSWORD": SECRET,
        "VPR_MILVUS_TLS": "1",
    }
    assert credentials_for(SERVER, named) == Credentials(f"robot:{SECRET}", tls=True)
    assert credentials_for("evil.example:19530", {**named, **file_of(tmp_path, "{}")}) == Credentials()
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    in_file = file_of(tmp_path, f"{SERVER}:\n  token: {SECRET}\n  ca: {certificate}\n  server_name: db\n")
    assert credentials_for(SERVER, in_file) == Credentials(SECRET, True, str(certificate), "db")
    assert credentials_for("evil.example:19530", in_file) == Credentials()
    assert SECRET not in f"{credentials_for(SERVER, named)!r} {credentials_for(SERVER, named).words}"


@pytest.mark.parametrize(
    "text",
    [f"- {SECRET}", f"{SERVER}: {SECRET}", f"{SERVER}: {{pasword: {SECRET}}}",
     f"{SERVER}: {{user: x, password: [{SECRET}]}}",
     f"{SERVER}: {{user: x, password: 'a{SECRET}", f"{SERVER}: {{password: {SECRET}}}",
     f"{SERVER}: {{user: x, password: y, token: {SECRET}}}", f"{SERVER}: {{ca: /nowhere, token: {SECRET}}}"],
)  # fmt: skip
def test_a_file_that_says_something_else_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        credentials_for(SERVER, file_of(tmp_path, text))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        credentials_for(SERVER, file_of(tmp_path, f"{SERVER}: {{token: {SECRET}}}", mode))


def test_secrets_for_no_server_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"VPR_MILVUS_SERVER too, here to {SERVER}"):
        credentials_for(SERVER, {"VPR_MILVUS_TOKEN": SECRET})
    with pytest.raises(ConfigError, match="cannot be read"):
        credentials_for(SERVER, {"VPR_MILVUS_CREDENTIALS": os.fspath(tmp_path / "none")})
