# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The search of a map as it grows: time, memory and what is found, exact and with its index."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from vpr_ros.evaluation.search.large_map import ALL_DTYPES, RIGHT_WITHIN, LargeMap, write_large_map
from vpr_ros.evaluation.search.on_server import loaded
from vpr_ros.evaluation.search.one_index import Asked, ask
from vpr_ros.mapping.index_build import reindex
from vpr_ros.mapping.index_choice import AUTO
from vpr_ros.mapping.likeness import Likeness
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.descriptor_file import DtypeName
from vpr_ros.maps.place_map import DESCRIPTORS_NAME

SUBLINEAR_FROM: Final = 100_000
MIB: Final = 2**20


@dataclass(frozen=True)
class SearchRow:
    """One line of the table.

    Attributes:
        frames, dim: of the map.
        index: what was asked.
        p50_ms, p95_ms: of a question.
        bytes_per_frame: that the search keeps of a frame: its index, or the descriptor of an exact one.
        anonymous_mib, mapped_mib: resident memory that the map added, after all questions.
        opening_s, opened_mib: what opening cost.
        recall_1, recall_10: share of the most similar frame, and of the ten, by all descriptors, that were found.
        right, exact_right: share of questions that found the place, and that all descriptors find it for.
        indexing_s: to make the index; 0 of an exact search.
    """

    frames: int
    dim: int
    index: str
    p50_ms: float
    p95_ms: float
    bytes_per_frame: float
    anonymous_mib: float
    mapped_mib: float
    opening_s: float
    opened_mib: float
    recall_1: float
    recall_10: float
    right: float
    exact_right: float
    indexing_s: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Growth:
    """How a cost grows with the frames: as their power ``exponent``, over sizes from ``since`` on."""

    what: str
    since: int
    exponent: float


def measure_growth(
    like: PlaceMap,
    likeness: Likeness,
    sizes: Sequence[int],
    folder: Path,
    questions: int,
    seconds: float,
    float32_up_to: int,
    say: Callable[[str], None],
    servers: Mapping[str, str],
    index: str = AUTO,
) -> Iterator[SearchRow]:
    """Measure maps of so many frames that are like *like*, one after the other; each is removed again.

    Args:
        like: a real map.
        likeness: of its descriptors, or of several maps'.
        sizes: in frames.
        folder: where there is room for one map, of the largest size.
        questions: asked of each.
        seconds: the most that the questions of one index may take.
        float32_up_to: frames up to which the map is written in float32 as well.
        say: told what goes on.
        servers: kind of index on a Milvus server -> of collections there, to whose name more is added.
        index: which one is made, see ``index_plans``.
    """
    for frames in sizes:
        dtypes: tuple[DtypeName, ...] = ALL_DTYPES if frames <= float32_up_to else ("float16",)
        say(f"writing {frames} frames of {len(likeness.mean)} numbers")
        made = write_large_map(folder, like.manifest, likeness, frames, questions, dtypes)
        try:
            for dtype, path in made.folders.items():
                say(f"asking every descriptor, {dtype}")
                size = len(likeness.mean) * np.dtype(dtype).itemsize
                yield _row(made, path, f"exact {dtype}", size, seconds)
            say("indexing")
            path, started = made.folders["float16"], time.perf_counter()
            entry = reindex(path, index, None).manifest.index
            indexing_s = time.perf_counter() - started
            if entry is not None and entry.file is not None:
                say(f"asking {entry.words}")
                yield _row(made, path, entry.words, entry.file.size_bytes / frames, seconds, indexing_s)
            for kind, uri in servers.items():
                say(f"loading onto the server, {kind}")
                yield _remote_row(made, f"{uri}_{frames}_{kind}", kind, seconds)
        finally:
            for path in made.folders.values():
                shutil.rmtree(path, ignore_errors=True)


def growth(rows: Sequence[SearchRow]) -> list[Growth]:
    """Fitted exponents of time and of memory: of exact searches, and of those by index from 100 000 frames on."""
    exact = [row for row in rows if row.index == "exact float16"]
    indexed = [row for row in rows if not row.index.startswith(("exact", "remote"))]
    large = [row for row in indexed if row.frames >= SUBLINEAR_FROM]
    found = []
    for name, some in (("exact float16", exact), ("by index", indexed), ("by index", large)):
        if some is large and large == indexed:
            continue
        if len({row.frames for row in some}) < 2:
            continue
        logs = np.log([row.frames for row in some])
        for what, costs in (
            ("time", [row.p50_ms for row in some]),
            ("anonymous memory", [max(row.anonymous_mib, 0.1) for row in some]),
        ):
            found.append(Growth(f"{name}, {what}", min(row.frames for row in some), _slope(logs, np.log(costs))))
    return found


def _remote_row(made: LargeMap, uri: str, kind: str, seconds: float) -> SearchRow:
    path, started = made.folders["float16"], time.perf_counter()
    with loaded(path, uri, kind) as entry:
        indexing_s = time.perf_counter() - started
        words = f"remote ({entry.method}, effort {entry.nprobe})"
        return _row(made, path, words, 4 * made.queries.shape[1], seconds, indexing_s)


def _slope(x: Any, y: Any) -> float:
    return float(np.polyfit(x, y, 1)[0])


def _row(
    made: LargeMap, path: Path, index: str, bytes_per_frame: float, seconds: float, indexing_s: float = 0.0
) -> SearchRow:
    asked: Asked = ask(path, made.queries, seconds)
    found, best = asked.found, made.best[: len(asked.found)]
    of_ten = [np.isin(exact[:10], given[:10]).mean() for exact, given in zip(best, found, strict=True)]
    right = np.abs(found[:, 0] - made.rows[: len(found)]) <= RIGHT_WITHIN
    return SearchRow(
        frames=len(np.load(path / DESCRIPTORS_NAME, mmap_mode="r")),
        dim=made.queries.shape[1],
        index=index,
        p50_ms=float(np.percentile(asked.search_ms, 50)),
        p95_ms=float(np.percentile(asked.search_ms, 95)),
        bytes_per_frame=float(bytes_per_frame),
        anonymous_mib=asked.anonymous_bytes / MIB,
        mapped_mib=asked.mapped_bytes / MIB,
        opening_s=asked.opening_s,
        opened_mib=asked.opened_bytes / MIB,
        recall_1=float(np.mean(found[:, 0] == best[:, 0])),
        recall_10=float(np.mean(of_ten)),
        right=float(right.mean()),
        exact_right=made.right,
        indexing_s=indexing_s,
    )
