# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which index a map gets: by its size, by what this faiss has, or as somebody asked."""

from __future__ import annotations

from typing import Final, NamedTuple

import faiss
import numpy as np

from vpr_ros.core.errors import ConfigError
from vpr_ros.maps.frame_index import IndexKind
from vpr_ros.maps.remote.address import Address, is_remote

AUTO: Final = "auto"
ASKED: Final = (AUTO, "exact", "compressed", "lists")
COMPRESSED_FROM: Final = 5_000
LISTS_FROM: Final = 50_000
"""Frames from which ``auto`` takes each kind, see docs/scale.md for what was measured."""
HAS_RABITQ: Final = hasattr(faiss, "IndexIVFRaBitQ")
"""Since faiss 1.12. Before that inverted lists keep a byte of each number, and all codes pay nothing."""
MOST_LISTS: Final = 1 << 15


class IndexPlan(NamedTuple):
    """What is to be made.

    Attributes:
        kind: see ``FrameIndex``.
        method: as ``faiss.index_factory`` calls it, "" of an exact search.
        lists: how many inverted lists.
    """

    kind: IndexKind
    method: str = ""
    lists: int = 0


def index_plans(asked: str, frames: int) -> list[IndexPlan]:
    """What to try for a map of so many frames, the first first; what comes after serves where that finds too little.

    Raises:
        ConfigError: nobody knows what was *asked*, or it is an address that holds a password.
    """
    if is_remote(asked):
        Address.parse(asked)
        return [IndexPlan("exact")]  # until the server has all of the map
    if asked not in ASKED:
        expected = f"expected one of {', '.join(ASKED)}, or milvus://HOST:PORT/COLLECTION"
        raise ConfigError(f"index is {asked!r}, {expected}", "Give one of them")
    exact, compressed = IndexPlan("exact"), IndexPlan("compressed", "RaBitQ" if HAS_RABITQ else "SQ8")
    lists = number_of_lists(frames)
    in_lists = IndexPlan("lists", f"IVF{lists},{compressed.method}", lists)
    if asked != AUTO:
        return [{"exact": exact, "compressed": compressed, "lists": in_lists}[asked]]
    usual = [in_lists] if frames >= LISTS_FROM else []
    usual += [compressed] if frames >= COMPRESSED_FROM and HAS_RABITQ else []
    return [*usual, exact]


def number_of_lists(frames: int) -> int:
    """Twice the root of the frames, as a power of two: to find the nearest lists costs about what reading them does."""
    return int(np.clip(2 ** round(np.log2(2 * np.sqrt(max(1, frames)))), 1, min(MOST_LISTS, max(1, frames // 8))))
