# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map on a real Milvus server that asks for user, password and TLS: loaded, asked, killed under the node's feet.

One server for all of them, so the tests follow each other; each leaves it as it was.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from harness import Diagnostics, FakeCamera, GraphClient, RosProcess
from many_frames import many_frames_map, questions
from milvus_server import FIRST_PASSWORD, PASSWORD, MilvusProcess, need_server

from vpr_ros.core.errors import ConfigError, MapError, VprError
from vpr_ros.evaluation.search.on_server import loaded as measured_on
from vpr_ros.evaluation.search.on_server import remote_kinds
from vpr_ros.mapping.remote import rows
from vpr_ros.mapping.remote.index_map import RemoteReport, index_remotely
from vpr_ros.mapping.remote.load import load_map
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.client import Client
from vpr_ros.maps.remote.credentials import Credentials, credentials_for
from vpr_ros.maps.remote.index import MilvusIndex
from vpr_ros.maps.remote.link import check_complete
from vpr_ros.maps.remote.schema import MapIdentity
from vpr_ros.maps.remote.states import RemoteIndexError, RemoteState

need_server()
pytestmark = pytest.mark.slow

FRAMES = 1100
"""More than the 1024 from which on this server builds an index."""
KILLED_LOAD = """
import os, signal, sys, threading
from pathlib import Path
from vpr_ros.mapping.remote import load, rows
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.remote.address import Address
from vpr_ros.maps.remote.client import Client

rows._BATCH_BYTES = 1 << 20
ask, writes = Client.ask, []

def ask_and_die(self, doing, name, *arguments, **more):
    if name == "upsert":
        writes.append(name)
        if len(writes) == 4:  # with one on its way
            threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return ask(self, doing, name, *arguments, **more)

Client.ask = ask_and_die
load.load_map(PlaceMap.open(Path(sys.argv[1])), Address.parse(sys.argv[2]))
"""


@dataclass
class Loaded:
    server: MilvusProcess
    embedded: PlaceMap
    path: Path
    uri: str
    report: RemoteReport
    before: int

    @property
    def index(self) -> MilvusIndex:
        index = PlaceMap.open(self.path).index
        assert isinstance(index, MilvusIndex)
        return index


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = 60.0) -> float:
    started_s = time.monotonic()
    while not condition():
        assert time.monotonic() - started_s < deadline_s, f"still waiting for {what}"
        time.sleep(0.05)
    return time.monotonic() - started_s


def connected(address: Address, credentials: Credentials | None = None) -> Client | None:
    try:
        return Client(address, credentials or credentials_for(address.server), 2.0)
    except RemoteIndexError:
        return None


def connected_when_up(
    address: Address, credentials: Credentials | None = None, server: MilvusProcess | None = None
) -> Client:
    clients: list[Client] = []

    def is_up() -> bool:
        assert server is None or not server.fault, server.fault
        clients.extend(filter(None, [connected(address, credentials)]))
        return bool(clients)

    wait_until(is_up, "the server")
    return clients[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusProcess]:
    process = MilvusProcess(tmp_path_factory.mktemp("milvus"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in process.environment.items():
            patch.setenv(name, value)
        try:
            process.start()
            address, first = Address("localhost", process.port, "none"), f"root:{FIRST_PASSWORD}"
            client = connected_when_up(address, replace(credentials_for(process.server), token=first), process)
            client.ask(
                "a password", "update_password", user_name="root", old_password=FIRST_PASSWORD, new_password=PASSWORD
            )
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def loaded(server: MilvusProcess, texture_map: Path, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """The map, loaded by two: the first was killed while it wrote."""
    embedded = many_frames_map(PlaceMap.open(texture_map), tmp_path_factory.mktemp("long") / "map", FRAMES)
    path = Path(shutil.copytree(embedded.path, embedded.path.with_name("remote")))
    uri = f"milvus://{server.server}/long_map"
    address = Address.parse(uri)
    killed = subprocess.run([sys.executable, "-c", KILLED_LOAD, path, uri], check=False)
    assert killed.returncode == -signal.SIGKILL
    client = connected_when_up(address)
    client.ask_collection("", "load_collection", 60.0)
    before = client.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "BLOCK_FRAMES", 100)
        report = index_remotely(PlaceMap.open(path), uri)
    (path / "descriptors.npy").unlink()
    return Loaded(server, embedded, path, uri, report, before)


def test_a_killed_load_is_finished_with_no_frame_twice_and_none_missing(loaded: Loaded) -> None:
    assert 0 < loaded.before < FRAMES
    assert 0 < FRAMES - loaded.report.written <= loaded.before
    client = connected_when_up(Address.parse(loaded.uri))
    assert client.count() == FRAMES
    np.testing.assert_array_equal(np.sort(client.frames_in(0, FRAMES)), np.arange(FRAMES))
    entry = PlaceMap.open(loaded.path).manifest.index
    assert entry is not None
    assert (entry.kind, entry.uri, entry.method, entry.recall) == (
        "remote",
        loaded.uri,
        "HNSW",
        loaded.report.entry.recall,
    )
    assert load_map(loaded.embedded, Address.parse(loaded.uri)).written == 0
    assert client.count() == FRAMES


def test_it_answers_as_the_embedded_map_does(loaded: Loaded) -> None:
    asked, opened = questions(loaded.embedded, 200), PlaceMap.open(loaded.path)
    remote, here = opened.search(asked, 20), loaded.embedded.search(asked, 20)
    assert (remote.indices[:, 0] == here.indices[:, 0]).mean() >= 0.995
    same = remote.indices == here.indices
    assert same.mean() > 0.98
    np.testing.assert_allclose(remote.similarities[same], here.similarities[same], atol=1e-5)
    for frames in (np.arange(3, 40), np.arange(20, 1080), np.r_[0:400, 500:1100]):
        gated, exact = (
            opened.search(asked[:5], 20, frames),
            loaded.embedded.search(asked[:5], 20, frames),
        )
        assert np.isin(gated.indices, frames).all()
        np.testing.assert_array_equal(gated.indices[:, 0], exact.indices[:, 0])


def test_without_descriptors_in_its_folder_only_rows_are_refused(loaded: Loaded) -> None:
    opened = PlaceMap.open(loaded.path)
    opened.verify()
    assert opened.is_current()
    assert not opened.has_descriptors
    assert opened.index.search(np.empty((0, 1), np.float32), 3).indices.shape == (0, 0)
    with pytest.raises(MapError, match=r"descriptors.npy is not here: .* copy its descriptors.npy from there"):
        _ = opened.descriptors


@pytest.mark.parametrize(
    ("wrong", "state"),
    [
        ({"token": f"root:not {PASSWORD}"}, RemoteState.REFUSED),
        ({"token": ""}, RemoteState.REFUSED),
        ({"tls": False, "ca": ""}, RemoteState.GONE),
    ],
)
def test_who_may_not_ask_is_refused_and_no_password_is_told(
    loaded: Loaded, wrong: dict[str, Any], state: RemoteState, caplog: pytest.LogCaptureFixture
) -> None:
    address = Address.parse(loaded.uri)
    credentials = replace(credentials_for(address.server), **wrong)
    with pytest.raises(RemoteIndexError) as raised:
        Client(address, credentials, 2.0)
    assert raised.value.state is state
    assert PASSWORD not in f"{raised.value} {credentials!r} {caplog.text} {(loaded.path / 'manifest.yaml').read_text()}"


def test_the_collection_of_another_map_is_left_alone_and_not_asked(loaded: Loaded, texture_map: Path) -> None:
    with pytest.raises(MapError, match=r"it holds another map: .*frames 1100, not 12.* Name a collection"):
        index_remotely(PlaceMap.open(texture_map), loaded.uri)
    with pytest.raises(MapError, match="is there already"), measured_on(texture_map, loaded.uri, "HNSW"):
        pass
    assert remote_kinds(loaded.uri) == ("HNSW", "IVF_SQ8")
    short = PlaceMap.open(texture_map)
    index = MilvusIndex(Address.parse(loaded.uri), MapIdentity.of(short.manifest), short.frames, "HNSW", 64)
    with pytest.raises(RemoteIndexError, match="it holds another map") as raised:
        index.search(short.descriptors[:1].astype(np.float32), 3)
    assert raised.value.state is RemoteState.ANOTHER_MAP
    query = loaded.embedded.descriptors[:1].astype(np.float32)
    client = connected_when_up(Address.parse(loaded.uri))
    index._link._client = client  # as after a check that the collection was exchanged behind
    with pytest.raises(RemoteIndexError, match="a frame of another map came") as raised:
        index.search(query, 3)
    assert raised.value.state is RemoteState.ANOTHER_MAP


def test_a_collection_that_lost_frames_is_not_asked(loaded: Loaded) -> None:
    client = connected_when_up(Address.parse(loaded.uri))
    identity = MapIdentity.of(loaded.embedded.manifest)
    client.ask_collection("", "delete", filter="frame == 700")
    with pytest.raises(RemoteIndexError, match=f"{FRAMES - 1} rows, the map {FRAMES} frames") as raised:
        check_complete(client, identity)
    assert raised.value.state is RemoteState.INCOMPLETE
    rows.write_block(client, loaded.embedded, identity, 700, 701)
    check_complete(client, identity)


def test_a_frozen_server_costs_an_image_its_time_and_no_more(loaded: Loaded) -> None:
    index, query = loaded.index, questions(loaded.embedded, 1)
    index.begin(0.4)
    assert index.settled().state is RemoteState.READY
    loaded.server.freeze()
    try:
        took_s = wait_until(lambda: raised_state(index, query) is RemoteState.SLOW, "an error")
        assert took_s < 1.0
        took_s = wait_until(lambda: raised_state(index, query) is RemoteState.SLOW, "the next error")
        assert took_s < 0.2
    finally:
        loaded.server.thaw()
    wait_until(lambda: raised_state(index, query) is None, "an answer")


def raised_state(index: MilvusIndex, query: npt.NDArray[np.float32]) -> RemoteState | None:
    try:
        index.search(query, 5)
    except RemoteIndexError as error:
        return error.state
    return None


def test_the_node_outlives_a_killed_server_and_answers_again_when_it_is_back(
    loaded: Loaded, client: GraphClient, diagnostics: Diagnostics, start_process: Callable[..., RosProcess]
) -> None:
    asks = ("--ros-args", "-p", f"map:={loaded.path}")
    node = start_process("vpr_ros.ros.localizer.node", *asks, env=dict(loaded.server.environment))
    camera = FakeCamera(client)

    def accepted() -> int:
        return int(diagnostics.value("localizer", "accepted") or 0)

    def drive(condition: Callable[[], object], what: str) -> None:
        client.wait_for(condition, what, meanwhile=camera.publish, deadline_s=60.0)

    camera.place = 5
    drive(lambda: accepted() > 0 and diagnostics.level(": index") == 0, "answers")
    loaded.server.kill()
    drive(lambda: diagnostics.message(": index").startswith("gone: "), "the state's name")
    assert int(diagnostics.value("localizer", "failed index_unavailable")) > 0
    until_down = accepted()
    loaded.server.start()
    served: list[float] = []
    address, identity = Address.parse(loaded.uri), MapIdentity.of(loaded.embedded.manifest)

    def answers_again() -> bool:
        if not served and (other := connected(address)) is not None:
            try:
                check_complete(other, identity)
                served.append(time.monotonic())
            except VprError:
                pass
        return accepted() > until_down

    drive(answers_again, "answers after the restart")
    assert not served or time.monotonic() - served[0] < 5.0
    assert node.is_running
    assert node.end() == 0
    assert PASSWORD not in node.output


def test_credentials_for_another_server_are_not_sent(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPR_MILVUS_SERVER", "elsewhere:19530")
    monkeypatch.setenv("VPR_MILVUS_CREDENTIALS", "")
    assert credentials_for(Address.parse(loaded.uri).server) == Credentials()
    monkeypatch.delenv("VPR_MILVUS_SERVER")
    with pytest.raises(ConfigError, match="not for which server"):
        credentials_for("localhost:19530")
