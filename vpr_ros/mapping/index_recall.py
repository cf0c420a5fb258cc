# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How well an index finds: what the map's own frames may look like another day is asked of it and of all descriptors.

A frame that is merely left out is answered by its neighbours, which are so alike that they lie in the same lists: an
index that finds 99 % of those may find half of what another day asks. So the questions are made hard: frames are
changed as another day changes them (see ``Likeness``), until an exact search finds the right place to ``WANTED_RIGHT``
of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.likeness import STEPS, Likeness
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.search import as_float32, exact_search

MOST_QUESTIONS: Final = 400
TRIED_QUESTIONS: Final = 80
RUNS: Final = 16
RUN_FRAMES: Final = 128
"""Of frames that follow each other, from which it is learned how the map's descriptors vary."""
WANTED_RIGHT: Final = 0.85
LEAST_RECALL_20: Final = 0.97
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
        likeness = Likeness.of(as_float32(place_map.descriptors[_runs(len(place_map))]))
        numbers = likeness.numbers(as_float32(place_map.descriptors[rows]))
        tried = evenly(len(rows), TRIED_QUESTIONS)
        asked = np.concatenate([likeness.seen_again(numbers[tried], steps, rng) for steps in STEPS])
        found = exact_search(place_map.descriptors, asked, 1).indices[:, 0].reshape(len(STEPS), -1)
        position_m, radius_m = place_map.frames.position_m, place_map.manifest.calibration.radius_m
        off_m = np.linalg.norm(position_m[found] - position_m[rows[tried]], axis=-1)
        enough = np.flatnonzero(np.mean(off_m <= radius_m, axis=1) >= WANTED_RIGHT)
        self.queries = likeness.seen_again(numbers, STEPS[int(enough[0]) if len(enough) else -1], rng)
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


def _runs(frames: int) -> npt.NDArray[np.int64]:
    starts = np.linspace(0, max(0, frames - RUN_FRAMES), RUNS).astype(np.int64)
    return np.unique((starts[:, None] + np.arange(min(frames, RUN_FRAMES))).ravel())


def _doubled(first: int, last: int) -> list[int]:
    return [*(first << step for step in range((last // first).bit_length()) if first << step < last), last]


def _tells(entry: IndexEntry) -> bool:
    return entry.recall_20 is not None and entry.recall_20 >= LEAST_RECALL_20


def _told(entry: IndexEntry) -> IndexEntry:
    return entry if entry.kind == "lists" else replace(entry, nprobe=0)
