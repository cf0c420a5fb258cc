# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map folder whose manifest names a server, where no server is."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from optional_parts import need

from vpr_ros.cli.reindex import load_where_asked
from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.mapping.index_build import reindex
from vpr_ros.mapping.index_choice import index_plans
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.manifest import rewrite_manifest
from vpr_ros.maps.remote.index import MilvusIndex
from vpr_ros.maps.remote.states import RemoteIndexError, RemoteState

NOBODY = "milvus://localhost:1/m"


def remote(folder: Path, uri: str = NOBODY, method: str = "HNSW", nprobe: int = 64) -> Path:
    entry = IndexEntry("remote", asked=uri, method=method, nprobe=nprobe, uri=uri)
    rewrite_manifest(folder, sealed=True, index=entry.to_dict())
    return folder


def a_question(place_map: PlaceMap) -> np.ndarray:  # type: ignore[type-arg]
    dim = place_map.manifest.model.descriptor_dim
    return np.full((1, dim), 1 / np.sqrt(dim), dtype=np.float32)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes a connection and says nothing."""
    with socket.create_server(("localhost", 0)) as listening:
        yield f"milvus://localhost:{listening.getsockname()[1]}/m"


def test_it_opens_without_descriptors_and_connects_to_nobody(copy: Path) -> None:
    (remote(copy) / "descriptors.npy").unlink()
    place_map = PlaceMap.open(copy)
    assert place_map.is_current()
    assert place_map.in_memory() is place_map
    place_map.verify()
    assert isinstance(place_map.index, MilvusIndex)
    assert place_map.index.status.state is RemoteState.CONNECTING
    assert place_map.index.state()["index"] == f"remote, HNSW with 64 on {NOBODY}"
    with pytest.raises(MapError, match="the descriptors of this map lie on a server"):
        _ = place_map.descriptors


def test_descriptors_that_are_here_are_checked_and_the_server_is_asked_all_the_same(copy: Path) -> None:
    place_map = PlaceMap.open(remote(copy))
    assert place_map.has_descriptors
    assert place_map.index.kind == place_map.in_memory().index.kind == "remote"
    (copy / "descriptors.npy").write_bytes(b"short")
    with pytest.raises(MapError, match="has 5 bytes"):
        PlaceMap.open(copy)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"uri": "milvus://root:hunter2@h:1/m"}, "holds a user name or password"),
        ({"uri": ""}, "expected milvus://HOST:PORT/COLLECTION"),
        ({"uri": "http://h/m"}, "expected milvus://HOST:PORT/COLLECTION"),
        ({"method": "FLAT; drop"}, "expected one of HNSW"),
        ({"nprobe": 0}, "at least 1"),
    ],
)
def test_an_entry_that_names_no_server_is_refused(copy: Path, changed: dict[str, str], told: str) -> None:
    with pytest.raises(MapError, match=told) as raised:
        PlaceMap.open(remote(copy, **changed))  # type: ignore[arg-type]
    assert "hunter2" not in str(raised.value)


def test_a_server_that_is_gone_is_told_at_once(copy: Path) -> None:
    need("pymilvus")
    place_map = PlaceMap.open(remote(copy))
    assert isinstance(place_map.index, MilvusIndex)
    place_map.index.begin(60.0)  # the client library takes seconds to import where others work
    with pytest.raises(RemoteIndexError, match=rf"Milvus at {NOBODY}: connecting failed, gone") as raised:
        place_map.search(a_question(place_map), 3)
    assert raised.value.state is RemoteState.GONE
    started_s = time.monotonic()
    with pytest.raises(RemoteIndexError):
        place_map.search(a_question(place_map), 3)
    assert time.monotonic() - started_s < 0.1


def test_a_server_that_says_nothing_costs_an_image_its_time(copy: Path, silent: str) -> None:
    need("pymilvus")
    place_map = PlaceMap.open(remote(copy, silent))
    assert isinstance(place_map.index, MilvusIndex)
    place_map.index.begin(0.2)
    started_s = time.monotonic()
    with pytest.raises(RemoteIndexError, match="the connection is not made yet") as raised:
        place_map.search(a_question(place_map), 3)
    assert raised.value.state is RemoteState.CONNECTING
    assert time.monotonic() - started_s < 1.0


def test_without_the_client_library_the_remedy_is_its_command(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    place_map = PlaceMap.open(remote(copy))
    with pytest.raises(RemoteIndexError, match=r"pip install 'pymilvus>=2.6,<2.7'"):
        place_map.search(a_question(place_map), 3)


def test_a_map_that_could_not_be_loaded_is_complete(copy: Path) -> None:
    need("pymilvus")
    rewrite_manifest(copy, sealed=True, index=IndexEntry("exact", asked=NOBODY).to_dict())
    with pytest.raises(MapError, match=r"the map is complete, but not loaded: .* --reindex ") as raised:
        load_where_asked(copy)
    assert "gone" in raised.value.problem
    place_map = PlaceMap.open(copy)
    assert place_map.search(place_map.descriptors[7:8].astype(np.float32), 1).indices.tolist() == [[7]]


@pytest.mark.parametrize("asked", [None, "exact", "milvus://localhost:1/other"])
def test_a_map_without_descriptors_keeps_its_server(copy: Path, asked: str | None) -> None:
    (remote(copy) / "descriptors.npy").unlink()
    with pytest.raises(MapError, match=r"descriptors.npy is not here"):
        reindex(copy, asked, None)
    assert PlaceMap.open(copy).index.kind == "remote"


def test_an_address_is_an_index_that_can_be_asked_for() -> None:
    assert [plan.kind for plan in index_plans("milvus://h:1/m", 1_000_000)] == ["exact"]
    with pytest.raises(ConfigError, match="VPR_MILVUS_PASSWORD"):
        index_plans("milvus://root:hunter2@h:1/m", 10)
    with pytest.raises(ConfigError, match="or milvus://HOST:PORT/COLLECTION"):
        index_plans("milvus", 10)
