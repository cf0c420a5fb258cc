# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How well an index finds: what the map's own frames may look like another day is asked of it and of all descriptors.

A frame that is merely left out is answered by its neighbours, which are so alike that they lie in the same lists: an
index that finds 99 % of those may find half of what another day asks. So the questions are made hard: what tells a
frame from the mean of all is mixed with what tells others, in the map's own directions and amounts, until an exact
search finds the right place to ``WANTED_RIGHT`` of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.mapping.evenly import evenly
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.search import as_float32, exact_search

Float = npt.NDArray[np.float32]

MOST_QUESTIONS: Final = 400
TRIED_QUESTIONS: Final = 80
MIXED: Final = 1000
"""Frames of which each other look is made, all of them in random shares: their sum varies as the map does."""
CHANGES: Final = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6)
"""Shares, squared, of what tells a frame that is other another day; the first that leaves enough right is taken."""
WANTED_RIGHT: Final = 0.85
LEAST_RECALL_20: Final = 0.9
"""Of the frames that the evidence is taken from: what is not found of them is among the least alike."""
CANDIDATES: Final = 200
MOST_CANDIDATES: Final = 1600
SEED: Final = 0


class IndexQuestions:
    """Frames of a map as another day may show them, and which frames look most like each, by all descriptors.

    Attributes:
        queries: (Q, D) of unit length.
        best: (Q, 20) frames, the most similar first.
    """

    def __init__(self, place_map: PlaceMap) -> None:
        """Make them as hard as is wanted, and ask all descriptors."""
        rng, rows = np.random.default_rng(SEED), evenly(len(place_map), MOST_QUESTIONS)
        some = as_float32(place_map.descriptors[evenly(len(place_map), MIXED)])
        mean = some.mean(axis=0)
        shares = rng.standard_normal((len(rows), len(some))).astype(np.float32) / np.float32(np.sqrt(len(some)))
        own, other = as_float32(place_map.descriptors[rows]) - mean, shares @ (some - mean)

        def changed(share: float) -> Float:
            seen = mean + np.float32(np.sqrt(1.0 - share**2)) * own + np.float32(share) * other
            return np.asarray(seen / np.linalg.norm(seen, axis=1, keepdims=True), dtype=np.float32)

        tried = evenly(len(rows), TRIED_QUESTIONS)
        asked = exact_search(place_map.descriptors, np.concatenate([changed(one)[tried] for one in CHANGES]), 1)
        position_m, radius_m = place_map.frames.position_m, place_map.manifest.calibration.radius_m
        off_m = position_m[asked.indices[:, 0].reshape(len(CHANGES), -1)] - position_m[rows[tried]]
        right = np.mean(np.linalg.norm(off_m, axis=-1) <= radius_m, axis=1)
        enough = np.flatnonzero(right >= WANTED_RIGHT)
        self.queries = changed(CHANGES[int(enough[0]) if len(enough) else -1])
        self.best = exact_search(place_map.descriptors, self.queries, EVIDENCE_TOP_K).indices

    def fitted(self, codes: Any, entry: IndexEntry) -> IndexEntry:
        """The fewest candidates and lists with which *codes* find the share that *entry* wants, and what they find.

        Where no number of them does, the most that were tried.
        """
        most_lists = codes.nlist if entry.kind == "lists" else 1
        tried = entry
        for candidates in _doubled(CANDIDATES, MOST_CANDIDATES):
            for nprobe in _doubled(1, most_lists):
                tried = self._measured(codes, replace(entry, nprobe=nprobe, candidates=candidates))
                if tried.recall is not None and tried.recall >= entry.wanted_recall and _tells(tried):
                    return _told(tried)
        return _told(tried)

    def _measured(self, codes: Any, entry: IndexEntry) -> IndexEntry:
        if entry.kind == "lists":
            codes.nprobe = entry.nprobe
        _, found = codes.search(self.queries, min(entry.candidates, codes.ntotal))
        first = [best[0] in given for best, given in zip(self.best, found, strict=True)]
        share = [np.isin(best, given).mean() for best, given in zip(self.best, found, strict=True)]
        return replace(entry, recall=float(np.mean(first)), recall_20=float(np.mean(share)), questions=len(first))


def _doubled(first: int, last: int) -> list[int]:
    return [*(first << step for step in range((last // first).bit_length()) if first << step < last), last]


def _tells(entry: IndexEntry) -> bool:
    return entry.recall_20 is not None and entry.recall_20 >= LEAST_RECALL_20


def _told(entry: IndexEntry) -> IndexEntry:
    return entry if entry.kind == "lists" else replace(entry, nprobe=0)
