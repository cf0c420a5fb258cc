# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a server says is checked as a file is, and every failure has a name."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.maps.remote.answer import WrongAnswerError, checked
from vpr_ros.maps.remote.failures import remote_error
from vpr_ros.maps.remote.gate import MOST_NUMBERED, gate
from vpr_ros.maps.remote.schema import MapIdentity, choose_index, search_params, version_number
from vpr_ros.maps.remote.states import REMEDIES, RemoteState

IDENTITY = MapIdentity("12" * 32, "vpr_nano 1", frames=50, dim=4)
ROWS = np.eye(4, dtype=np.float32)
QUERY = np.array([[0.8, 0.6, 0.0, 0.0]], dtype=np.float32)
Hit = dict[str, Any]


def hits(**changed: Any) -> list[Hit]:
    """Frames 7 and 3, worse first, of which the first is *changed*."""
    plain = [(7, 0.6, ROWS[1]), (3, 0.8, ROWS[0])]
    found: list[Hit] = [
        {"frame": frame, "distance": similarity, "entity": {"map": IDENTITY.number, "descriptor": row.tolist()}}
        for frame, similarity, row in plain
    ]
    for name, value in changed.items():
        (found[0] if name in found[0] else found[0]["entity"])[name] = value
    return found


def test_a_right_answer_is_ordered_by_the_descriptors_themselves() -> None:
    (found,) = checked([hits(distance=0.63)], QUERY, 5, IDENTITY)
    assert found.frames.tolist() == [3, 7]
    np.testing.assert_allclose(found.similarities, [0.8, 0.6], atol=1e-6)
    (nothing,) = checked([[]], QUERY, 5, IDENTITY)
    assert nothing.frames.shape == (0,)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [hits(), hits()],
        [[*hits(), *hits(), *hits()]],
        [hits(frame=3)],
        [hits(frame=50)],
        [hits(frame=-1)],
        [hits(frame="x")],
        [hits(frame=2**70)],
        [hits(map=1)],
        [hits(distance=float("nan"))],
        [hits(distance=0.95)],
        [hits(descriptor=[0.0, 1.0, 0.0])],
        [hits(descriptor=[0.0, float("nan"), 0.0, 0.0])],
        [hits(descriptor=[0.0, float("inf"), 0.0, 0.0])],
        [hits(descriptor=[0.0, 2.0, 0.0, 0.0])],
        [hits(descriptor=None)],
        [[{"frame": 1, "distance": 0.1}]],
    ],
)
def test_a_wrong_answer_is_refused(answer: list[list[Hit]]) -> None:
    with pytest.raises(WrongAnswerError):
        checked(answer, QUERY, 5, IDENTITY)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SimpleNamespace(code=100, message="can't find collection"), RemoteState.NO_COLLECTION),
        (SimpleNamespace(code=101, message="collection not loaded"), RemoteState.RESTARTED),
        (SimpleNamespace(code=503, message="channel not available"), RemoteState.RESTARTED),
        (
            SimpleNamespace(code=2, message="Fail connecting to server on h:1, ... or server unavailable"),
            RemoteState.GONE,
        ),
        (SimpleNamespace(code=3, message="load: memory limit exceeded"), RemoteState.FULL),
        (SimpleNamespace(code=8, message="rate limit exceeded"), RemoteState.FULL),
        (SimpleNamespace(code=9, message="quota exceeded[reason=disk quota exceeded]"), RemoteState.FULL),
        (
            SimpleNamespace(code=65535, message="load segment failed, OOM if load: insufficient memory"),
            RemoteState.FULL,
        ),
        (SimpleNamespace(code=1400, message="x"), RemoteState.REFUSED),
        (SimpleNamespace(code=lambda: SimpleNamespace(name="UNAVAILABLE"), details=lambda: "x"), RemoteState.GONE),
        (SimpleNamespace(code=lambda: SimpleNamespace(name="DEADLINE_EXCEEDED"), details=lambda: ""), RemoteState.SLOW),
        (
            SimpleNamespace(code=lambda: SimpleNamespace(name="UNAUTHENTICATED"), details=lambda: ""),
            RemoteState.REFUSED,
        ),
        (SimpleNamespace(code=1100, message="vector dimension mismatch"), RemoteState.WRONG_ANSWER),
    ],
)
def test_what_a_server_raises_has_a_name_and_a_remedy(error: Any, state: RemoteState) -> None:
    told = Exception()
    vars(told).update(vars(error))
    found = remote_error("milvus://h:1/m", "a search", told)
    assert found.state is state
    assert found.remedy == REMEDIES[state]


def test_every_state_has_a_remedy() -> None:
    assert set(REMEDIES) == set(RemoteState)


def on_a_line(frames: int) -> npt.NDArray[np.float64]:
    return np.stack([np.arange(frames, dtype=np.float64), np.zeros(frames), np.zeros(frames)], axis=1)


def test_a_gate_is_told_as_numbers_where_they_are_few_and_as_a_box_where_they_are_many() -> None:
    position_m = on_a_line(3 * MOST_NUMBERED)
    assert gate(position_m, None).words == gate(position_m, np.arange(len(position_m))).words == ""
    assert gate(position_m, np.array([4, 2])).words == "frame in [2, 4]"
    box = gate(position_m, np.arange(10, 20 + MOST_NUMBERED))
    assert box.exact
    assert box.words.startswith("x_m >= 9.999999 and x_m <= 1019.000001 and y_m >= ")
    assert not gate(position_m, np.arange(0, len(position_m), 2)).exact


def test_a_collection_says_which_map_it_holds() -> None:
    assert IDENTITY.difference(IDENTITY.description()) == ""
    assert "not loaded by vpr_ros" in IDENTITY.difference("my photos")
    assert "not loaded by vpr_ros" in IDENTITY.difference("[" * 100_000)
    assert "format 9" in IDENTITY.difference(IDENTITY.description().replace('"vpr_ros": 1', '"vpr_ros": 9'))
    other = replace(IDENTITY, sha256="34" * 32, frames=51)
    assert "frames 50, not 51" in other.difference(IDENTITY.description())
    assert 0 < IDENTITY.number < 2**63


@pytest.mark.parametrize(
    ("version", "frames", "index"),
    [
        ("2.3.5-lite", 80, "HNSW"),
        ("v2.5.1", 10_000_000, "IVF_SQ8"),
        ("v2.6.0", 80, "IVF_RABITQ"),
        ("v3.0", 10_000_000, "IVF_RABITQ"),
        ("?", 80, "HNSW"),
    ],
)
def test_the_index_follows_the_server_and_the_size(version: str, frames: int, index: str) -> None:
    choice = choose_index(version, frames, 1600)
    assert choice.type == index
    assert choice.effort_name in search_params(index, choice.efforts[0], 20)["params"]
    assert choice.build.get("nlist", 32) >= 32
    assert version_number(version) <= (3, 0)


def test_hnsw_is_never_asked_for_more_than_it_looks_at() -> None:
    assert search_params("HNSW", 64, 100)["params"] == {"ef": 100}
