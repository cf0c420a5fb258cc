# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One map asked in a process of its own: how long, how much memory, and what it finds."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.maps import PlaceMap

UNMEASURED: Final = 20
"""Questions that only warm up."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What one map did.

    Attributes:
        index: what it was asked by, in words.
        opening_s: until it could be asked.
        search_ms: (Q,) of each question.
        found: (Q, 20) the frames it gave.
        anonymous_bytes, mapped_bytes: resident memory that the map added, after all questions.
        opened_bytes: resident memory, of both kinds, that opening added.
    """

    index: str
    opening_s: float
    search_ms: npt.NDArray[np.float64]
    found: npt.NDArray[np.int64]
    anonymous_bytes: int
    mapped_bytes: int
    opened_bytes: int


def ask(path: Path, queries: npt.NDArray[np.float32], seconds: float) -> Asked:
    """Open the map in *path* in a process of its own, and ask it (Q, D) *queries* one by one, for so long at most.

    Raises:
        MapError: it does not open, or its process died.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_ask, args=(there, path, queries, seconds))
    process.start()
    there.close()
    try:
        answer = here.recv()
    except EOFError:
        answer = MapError(f"the process that asked {path} died", "Look at the memory that is free")
    process.join()
    if isinstance(answer, MapError):
        raise answer
    return answer


def _ask(answer: Connection, path: Path, queries: npt.NDArray[np.float32], seconds: float) -> None:
    try:
        answer.send(_asked(path, queries, seconds))
    except MapError as error:
        answer.send(MapError(error.problem, error.remedy))


def _asked(path: Path, queries: npt.NDArray[np.float32], seconds: float) -> Asked:
    before = _resident_bytes()
    started = time.perf_counter()
    place_map = PlaceMap.open(path)
    opening_s = time.perf_counter() - started
    opened = _resident_bytes()
    for query in queries[:UNMEASURED]:
        place_map.search(query[None], EVIDENCE_TOP_K)
    search_ms, found, until_s = [], [], time.perf_counter() + seconds
    for query in queries:
        started = time.perf_counter()
        result = place_map.search(query[None], EVIDENCE_TOP_K)
        ended = time.perf_counter()
        search_ms.append(1e3 * (ended - started))
        found.append(result.indices[0])
        if ended > until_s:
            break
    after = _resident_bytes()
    anonymous, mapped = (now - then for now, then in zip(after, before, strict=True))
    words = str(place_map.index.state().get("index", place_map.index.kind))
    return Asked(words, opening_s, np.array(search_ms), np.array(found), anonymous, mapped, sum(opened) - sum(before))


def _resident_bytes() -> tuple[int, int]:
    """Anonymous and mapped memory of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    known = {name: value for name, _, value in (line.partition(":") for line in lines)}
    anonymous, mapped = (1024 * int(known[name].split()[0]) for name in ("RssAnon", "RssFile"))
    return anonymous, mapped
